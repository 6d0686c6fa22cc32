#include "core/kernels/linear/round_bf16.h"

#include "core/parallel.h"

namespace soragrad::kernels {

void round_bf16_cpu(const RoundBf16Args& args) {
  constexpr int64_t kGrain = 65536;  // elements a task
  parallel_chunks(args.n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) args.y[i] = rounded_to_bf16(args.x[i]);
  });
}

}  // namespace soragrad::kernels
