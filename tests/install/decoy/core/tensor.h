#error "a public header includes a header of the project that uses it"

// SPDX-License-Identifier: Apache-2.0
