// The arithmetic of the unary ops, once for both devices: forward(x) is y, derivative(x) is dy/dx.
// unary.def lists the ops. The CPU's loops, the CUDA kernels, the autograd functions and the
// gradient tests are made from that list.
#pragma once

#include "core/dtype.h"
#include "core/kernels/math.h"

namespace soragrad::kernels {

// The exact GELU (Hendrycks and Gimpel, 2016; Hugging Face's "gelu"), Phi being the normal
// distribution:
//   y = x Phi(x) = x/2 (1 + erf(x / sqrt 2))
struct Gelu {
  SORAGRAD_HD static real forward(real x) {
    return x * math::normal_cdf(x, math::exp_half_square(x));
  }
  SORAGRAD_HD static real derivative(real x) {
    const real e = math::exp_half_square(x);
    return derivative(x, e, math::normal_cdf(x, e));
  }
  // Both for less than their sum: e is e^(-x^2/2), cdf is Phi(x).
  SORAGRAD_HD static real derivative(real x, real e, real cdf) {
    return cdf + x * e * real(0.3989422804014327);  // 1 / sqrt(2 pi)
  }
};

// The tanh approximation of GELU (Hugging Face's "gelu_new"):
//   y = x/2 (1 + tanh u) = x sigmoid(2u)     u = sqrt(2 / pi) (x + 0.044715 x^3)
struct GeluNew {
  static constexpr real kTwiceScale = real(1.5957691216057308);  // 2 sqrt(2 / pi)
  SORAGRAD_HD static real forward(real x) {
    const real u2 = kTwiceScale * (x + real(0.044715) * x * x * x);
    return x / (1 + math::exp(-u2));
  }
  SORAGRAD_HD static real derivative(real x) {
    const real square = x * x;
    const real u2 = kTwiceScale * (x + real(0.044715) * square * x);
    const real slope = kTwiceScale * (1 + real(0.134145) * square);
    // sigmoid' = e / (1 + e)^2 with e = exp(-|2u|), which cannot overflow.
    const real e = math::exp(u2 < 0 ? u2 : -u2), inverse = 1 / (1 + e);
    const real sigmoid = u2 < 0 ? e * inverse : inverse;
    return sigmoid + x * (e * inverse * inverse) * slope;
  }
};

// The derivative at 0 is 0 and NaN stays, as in PyTorch.
struct Relu {
  SORAGRAD_HD static real forward(real x) { return x <= 0 ? real(0) : x; }
  SORAGRAD_HD static real derivative(real x) { return x > 0 ? real(1) : real(0); }
};

struct Tanh {
  SORAGRAD_HD static real forward(real x) { return math::tanh(x); }
  SORAGRAD_HD static real derivative(real x) {
    const real y = math::tanh(x);
    return 1 - y * y;
  }
};

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
