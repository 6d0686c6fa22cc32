#include "core/kernels/linear/round_bf16.h"

#include "core/parallel.h"

namespace soragrad::kernels {

void round_bf16_cpu(const RoundBf16Args& args) {
  parallel_chunks(args.n, kMemoryGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) args.y[i] = rounded_to_bf16(args.x[i]);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
