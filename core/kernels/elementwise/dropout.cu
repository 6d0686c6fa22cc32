// A thread owns four successive elements: it draws one block of Philox and uses its four words.
#include "core/kernels/elementwise/dropout.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

template <bool kAligned>
__global__ void dropout_kernel(DropoutArgs args) {
  const int64_t first = 4 * global_thread(), count = args.n - first;
  if (count <= 0) return;
  const Four x = load_fours<kAligned>(args.x + first, count);
  store_fours<kAligned>(args.y + first, count,
                        dropped(x, resolved(args.stream), static_cast<uint64_t>(first),
                                args.drop_threshold, args.keep_scale));
}

}  // namespace

void dropout_cuda(const DropoutArgs& args) {
  with_flag(in_fours(args.n, args.x, args.y),
            [&](auto aligned) { launch_fours(dropout_kernel<aligned()>, args.n, args); });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
