// A thread owns four successive elements.
#include "core/kernels/elementwise/arithmetic.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

struct Sum {
  __device__ static real of(real a, real b) { return a + b; }
};
struct Product {
  __device__ static real of(real a, real b) { return a * b; }
};

template <typename Op, bool kAligned>
__global__ void binary_kernel(BinaryArgs args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  Four a = load_fours<kAligned>(args.a + first, count);
  const Four b = load_fours<kAligned>(args.b + first, count);
  for (int c = 0; c < 4; ++c) a.at[c] = Op::of(a.at[c], b.at[c]);
  store_fours<kAligned>(args.y + first, count, a);
}

template <bool kAligned>
__global__ void scale_kernel(ScaleArgs args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  Four x = load_fours<kAligned>(args.x + first, count);
  for (real& element : x.at) element *= args.factor;
  store_fours<kAligned>(args.y + first, count, x);
}

template <typename Op>
void launch_binary(const BinaryArgs& args) {
  with_flag(in_fours(args.n, args.a, args.b, args.y),
            [&](auto aligned) { launch_fours(binary_kernel<Op, aligned()>, args.n, args); });
}

}  // namespace

void add_cuda(const BinaryArgs& args) {
  launch_binary<Sum>(args);
}
void mul_cuda(const BinaryArgs& args) {
  launch_binary<Product>(args);
}
void scale_cuda(const ScaleArgs& args) {
  with_flag(in_fours(args.n, args.x, args.y),
            [&](auto aligned) { launch_fours(scale_kernel<aligned()>, args.n, args); });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
