// A thread owns four successive elements: it draws one block of Philox and uses its four words.
#include "core/kernels/elementwise/dropout.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void dropout_kernel(DropoutArgs args) {
  const int64_t block = global_thread(), first = 4 * block;
  if (first >= args.n) return;
  const Philox4 words = philox(args.stream, static_cast<uint64_t>(block));
  for (int place = 0; place < 4 && first + place < args.n; ++place) {
    const real kept = args.x[first + place] * args.keep_scale;
    args.y[first + place] = words.bits[place] >= args.drop_threshold ? kept : real(0);
  }
}

}  // namespace

void dropout_cuda(const DropoutArgs& args) {
  launch_elements(dropout_kernel, ceil_div(args.n, 4), args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
