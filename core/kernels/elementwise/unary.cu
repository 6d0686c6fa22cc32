// A thread owns an element. Forward and backward of each op are made from unary.def.
#include "core/kernels/cuda.cuh"
#include "core/kernels/elementwise/elementwise_math.h"
#include "core/kernels/elementwise/unary.h"

namespace soragrad::kernels {
namespace {

template <typename Functor>
__global__ void forward(UnaryArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.y[i] = Functor::forward(args.x[i]);
}

template <typename Functor>
__global__ void backward(UnaryBackwardArgs args) {
  const int64_t i = global_thread();
  if (i < args.n) args.dx[i] = args.dy[i] * Functor::derivative(args.x[i]);
}

}  // namespace

#define SORAGRAD_UNARY(name, Functor)                        \
  void name##_cuda(const UnaryArgs& args) {                  \
    launch_elements(forward<Functor>, args.n, args);         \
  }                                                          \
  void name##_backward_cuda(const UnaryBackwardArgs& args) { \
    launch_elements(backward<Functor>, args.n, args);        \
  }
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
