// The device table: a kernel is one plain argument struct and a function a device.
//
//   // softmax.h                                  // softmax.cpp: void softmax_cpu(...) {...}
//   struct SoftmaxArgs { ... };                   // softmax.cu:  void softmax_cuda(...) {...}
//   SORAGRAD_KERNEL(softmax, SoftmaxArgs);
//
//   kernels::softmax(x.device(), {.x = x.data(), .y = y.data(), ...});
//
// What a call costs, for `--profile`, a header may say beside its arguments: an inline
// `Cost cost(const SoftmaxArgs&)`.
//
// Pointers in the arguments are in the memory of that device. In a CUDA build a missing .cu is a
// link error that names the kernel; a build without CUDA says so when the kernel is called.
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

// Of a kernel whose header says nothing: not known.
template <typename Args>
Cost cost(const Args& /*args*/) {
  return {};
}
// Reading and writing so many reals.
inline Cost traffic(int64_t reals) {
  return {0, static_cast<double>(reals) * sizeof(real)};
}

template <typename Args>
struct Kernel {
  const char* name;
  void (*cpu)(const Args&);
  void (*cuda)(const Args&);

  void operator()(Device device, const Args& args) const {
    const auto run = device == Device::cpu ? cpu : cuda;
    require(run != nullptr,
            "[{}] no CUDA kernel in this build. Configure with -DSORAGRAD_CUDA=ON, or use the CPU.",
            name);
    if (profile::recorder) {
      const profile::Span span(profile::Kind::kernel, name, cost(args));
      run(args);
      if (device == Device::cuda) cuda::synchronize();  // or the launch alone is timed
    } else {
      run(args);
    }
  }
};

// For kernels over many small tensors, whose Args have parts[kMaxParts] and count: calls
// launch(args) with the parts in groups that fit one struct of arguments.
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
