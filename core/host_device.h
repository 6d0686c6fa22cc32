// SORAGRAD_HD marks small functions that run on both devices.
#pragma once

#ifdef __CUDACC__
#define SORAGRAD_HD __host__ __device__ inline
#else
#define SORAGRAD_HD inline
#endif

// SPDX-License-Identifier: Apache-2.0
