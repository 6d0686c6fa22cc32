#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/sum_squares.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include "core/kernels/reduce.h"
#include "core/kernels/sum_squares.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

double sum_of_squares(const real* x, int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(sum_of_squares);

void sum_squares_cpu(const SumSquaresArgs& args) {
  constexpr int64_t kGrain = 65536;  // elements a task: some 20 microseconds
  *args.y = chunked_sum(args.n, kGrain, [&](int64_t begin, int64_t end) {
    return HWY_DYNAMIC_DISPATCH(sum_of_squares)(args.x + begin, end - begin);
  });
}

}  // namespace soragrad::kernels
#endif
