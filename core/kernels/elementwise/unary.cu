// A thread owns four successive elements. Forward and backward of each op are made from unary.def.
#include "core/kernels/cuda.cuh"
#include "core/kernels/elementwise/elementwise_math.h"
#include "core/kernels/elementwise/unary.h"

namespace soragrad::kernels {
namespace {

template <typename Functor, bool kAligned>
__global__ void forward(UnaryArgs args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  Four x = load_fours<kAligned>(args.x + first, count);
  for (real& element : x.at) element = Functor::forward(element);
  store_fours<kAligned>(args.y + first, count, x);
}

template <typename Functor, bool kAligned>
__global__ void backward(UnaryBackwardArgs args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  const Four x = load_fours<kAligned>(args.x + first, count);
  Four dy = load_fours<kAligned>(args.dy + first, count);
  for (int c = 0; c < 4; ++c) dy.at[c] *= Functor::derivative(x.at[c]);
  store_fours<kAligned>(args.dx + first, count, dy);
}

template <typename Functor>
void launch_forward(const UnaryArgs& args) {
  with_flag(in_fours(args.n, args.x, args.y),
            [&](auto aligned) { launch_fours(forward<Functor, aligned()>, args.n, args); });
}

template <typename Functor>
void launch_backward(const UnaryBackwardArgs& args) {
  with_flag(in_fours(args.n, args.x, args.dy, args.dx),
            [&](auto aligned) { launch_fours(backward<Functor, aligned()>, args.n, args); });
}

}  // namespace

#define SORAGRAD_UNARY(name, Functor)                        \
  void name##_cuda(const UnaryArgs& args) {                  \
    launch_forward<Functor>(args);                           \
  }                                                          \
  void name##_backward_cuda(const UnaryBackwardArgs& args) { \
    launch_backward<Functor>(args);                          \
  }
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
