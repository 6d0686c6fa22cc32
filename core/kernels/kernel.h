// The device table: a kernel is one plain argument struct and a function a device.
//
//   // softmax.h                                  // softmax.cpp: void softmax_cpu(...) {...}
//   struct SoftmaxArgs { ... };                   // softmax.cu:  void softmax_cuda(...) {...}
//   SORAGRAD_KERNEL(softmax, SoftmaxArgs);
//
//   kernels::softmax(x.device(), {.x = x.data(), .y = y.data(), ...});
//
// Pointers in the arguments are in the memory of that device. In a CUDA build a missing .cu is a
// link error that names the kernel; a build without CUDA says so when the kernel is called.
#pragma once

#include "core/device.h"
#include "core/error.h"

namespace soragrad::kernels {

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
    run(args);
  }
};

#ifdef SORAGRAD_WITH_CUDA
#define SORAGRAD_KERNEL(name, Args)  \
  void name##_cpu(const Args& args);  \
  void name##_cuda(const Args& args); \
  inline constexpr Kernel<Args> name{#name, name##_cpu, name##_cuda}
#else
#define SORAGRAD_KERNEL(name, Args) \
  void name##_cpu(const Args& args); \
  inline constexpr Kernel<Args> name{#name, name##_cpu, nullptr}
#endif

}  // namespace soragrad::kernels
