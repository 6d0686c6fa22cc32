// Nothing: cmake/Precompile.cmake compiles headers with it.

// SPDX-License-Identifier: Apache-2.0
