#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/elementwise/dropout.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include "core/kernels/elementwise/dropout.h"
#include "core/kernels/random_words-inl.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

void dropout_loop(const DropoutArgs& args, int64_t begin, int64_t end) {
  constexpr int64_t kWords = 1024;  // words drawn at a time: 4 KiB, kept in the first-level cache
  alignas(64) uint32_t words[kWords];
  for (int64_t first = begin; first < end; first += kWords) {
    const int64_t count = std::min(kWords, end - first);
    random_words(args.stream, static_cast<uint64_t>(first), count, words);
    const real* HWY_RESTRICT x = args.x + first;
    real* HWY_RESTRICT y = args.y + first;
    for (int64_t i = 0; i < count; ++i) {
      const real kept = x[i] * args.keep_scale;
      y[i] = words[i] >= args.drop_threshold ? kept : real(0);
    }
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(dropout_loop);

void dropout_cpu(const DropoutArgs& args) {
  parallel_chunks(args.n, kUpdateGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(dropout_loop)(args, begin, end);
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
