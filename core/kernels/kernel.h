// The device table: a kernel is one plain argument struct and one function for each device.
//
//   // softmax.h                                  // softmax.cpp: void softmax_cpu(...) {...}
//   struct SoftmaxArgs { ... };                   // softmax.cu:  void softmax_cuda(...) {...}
//   SORAGRAD_KERNEL(softmax, SoftmaxArgs);
//
//   kernels::softmax(x.device(), {.x = x.data(), .y = y.data(), ...});
//
// Duties of the caller: every pointer of the arguments points into memory of that device, shapes
// fit together, and outputs do not overlap inputs unless the header allows it. Kernels check none
// of this; the ops of autograd/ops.h do.
//
// A header may define an inline `Cost cost(const SoftmaxArgs&)` beside its arguments: the work of
// one call, which `--profile` prints as rates.
//
// In a CUDA build a missing .cu is a link error that names the kernel. A build without CUDA throws
// Error when the kernel is called for a GPU.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/cuda_runtime.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/profile.h"

namespace soragrad::kernels {

using profile::Cost;

// The cost of a kernel whose header defines none: zeros, which mean "not known".
template <typename Args>
Cost cost(const Args& /*args*/) {
  return {};
}
// The cost of reading or writing this many reals, without arithmetic.
inline Cost traffic(int64_t reals) {
  return {0, static_cast<double>(reals) * sizeof(real)};
}

// One row of the table. Null: no such kernel for the device; `cuda` too in a build without CUDA.
template <typename Args>
struct Kernel {
  const char* name;
  void (*cpu)(const Args&);
  void (*cuda)(const Args&);

  // Runs the kernel. On the CPU the result is there on return; on a GPU the work is queued in the
  // one stream (cuda_launch.cuh). While a profile is recorded, each call is timed.
  void operator()(Device device, const Args& args) const {
    const auto run = device == Device::cpu ? cpu : cuda;
    require(run != nullptr,
            "[{}] no kernel for this device in this build; -DSORAGRAD_CUDA=ON adds those of a GPU.",
            name);
    if (profile::recorder) {
      const profile::Span span(profile::Kind::kernel, name, cost(args), device);
      run(args);
    } else {
      run(args);
    }
  }
};

// For kernels over many small tensors, whose Args have parts[kMaxParts] and count. Calls
// launch(args) for groups of at most kMaxParts parts, in order; make_part(i) returns part i. The
// limit comes from CUDA: all arguments of a launch take at most 4 KiB.
template <typename Args, typename MakePart, typename Launch>
void for_groups(size_t parts, Args args, MakePart make_part, Launch launch) {
  for (size_t first = 0; first < parts; first += Args::kMaxParts) {
    args.count = static_cast<int>(std::min<size_t>(Args::kMaxParts, parts - first));
    for (int i = 0; i < args.count; ++i) args.parts[i] = make_part(first + static_cast<size_t>(i));
    launch(args);
  }
}

#ifdef SORAGRAD_WITH_CUDA
#define SORAGRAD_KERNEL(name, Args)   \
  void name##_cpu(const Args& args);  \
  void name##_cuda(const Args& args); \
  inline constexpr Kernel<Args> name = {#name, name##_cpu, name##_cuda}
#else
#define SORAGRAD_KERNEL(name, Args)  \
  void name##_cpu(const Args& args); \
  inline constexpr Kernel<Args> name = {#name, name##_cpu, nullptr}
#endif

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
