// A thread owns four successive elements.
#include "core/kernels/linear/round_bf16.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

template <bool kAligned>
__global__ void round_bf16_kernel(RoundBf16Args args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  Four x = load_fours<kAligned>(args.x + first, count);
  for (real& element : x.at) element = rounded_to_bf16(element);
  store_fours<kAligned>(args.y + first, count, x);
}

}  // namespace

void round_bf16_cuda(const RoundBf16Args& args) {
  with_flag(in_fours(args.n, args.x, args.y),
            [&](auto aligned) { launch_fours(round_bf16_kernel<aligned()>, args.n, args); });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
