// A row of the device table (kernel.h) for what only a GPU computes, because the CPU takes another
// way: NAME.cu has NAME_cuda, and no NAME.cpp is needed. Callers ask first whether the GPU is
// there.
#pragma once

#include "core/kernels/kernel.h"

#ifdef SORAGRAD_WITH_CUDA
#define SORAGRAD_GPU_KERNEL(name, Args) \
  void name##_cuda(const Args& args);   \
  inline constexpr Kernel<Args> name = {#name, nullptr, name##_cuda}
#else
#define SORAGRAD_GPU_KERNEL(name, Args) \
  inline constexpr Kernel<Args> name = {#name, nullptr, nullptr}
#endif

// SPDX-License-Identifier: Apache-2.0
