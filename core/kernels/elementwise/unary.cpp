// The loops of the unary ops: forward and backward for each line of unary.def. The functors are
// branch-free, so the compiler vectorises the loops for each SIMD target.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/elementwise/unary.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include "core/kernels/elementwise/elementwise_math.h"
#include "core/kernels/elementwise/unary.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

template <typename Functor>
void forward(const real* HWY_RESTRICT x, real* HWY_RESTRICT y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = Functor::forward(x[i]);
}

template <typename Functor>
void backward(const real* HWY_RESTRICT x, const real* HWY_RESTRICT dy, real* HWY_RESTRICT dx,
              int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * Functor::derivative(x[i]);
}

void gelu_both_loop(const real* HWY_RESTRICT x, real* HWY_RESTRICT y, real* HWY_RESTRICT derivative,
                    int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const real e = math::exp_half_square(x[i]), cdf = math::normal_cdf(x[i], e);
    y[i] = x[i] * cdf;
    derivative[i] = Gelu::derivative(x[i], e, cdf);
  }
}

#define SORAGRAD_UNARY(name, Functor)                                             \
  void name##_loop(const real* x, real* y, int64_t n) {                           \
    forward<Functor>(x, y, n);                                                    \
  }                                                                               \
  void name##_backward_loop(const real* x, const real* dy, real* dx, int64_t n) { \
    backward<Functor>(x, dy, dx, n);                                              \
  }
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

#define SORAGRAD_UNARY(name, Functor)                                                 \
  HWY_EXPORT(name##_loop);                                                            \
  void name##_cpu(const UnaryArgs& args) {                                            \
    parallel_chunks(args.n, kMathGrain, [&](int64_t begin, int64_t end) {             \
      HWY_DYNAMIC_DISPATCH(name##_loop)(args.x + begin, args.y + begin, end - begin); \
    });                                                                               \
  }                                                                                   \
  HWY_EXPORT(name##_backward_loop);                                                   \
  void name##_backward_cpu(const UnaryBackwardArgs& args) {                           \
    parallel_chunks(args.n, kMathGrain, [&](int64_t begin, int64_t end) {             \
      HWY_DYNAMIC_DISPATCH(name##_backward_loop)                                      \
      (args.x + begin, args.dy + begin, args.dx + begin, end - begin);                \
    });                                                                               \
  }
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY

HWY_EXPORT(gelu_both_loop);
void gelu_and_derivative(const real* x, real* y, real* derivative, int64_t n) {
  HWY_DYNAMIC_DISPATCH(gelu_both_loop)(x, y, derivative, n);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
