// y = x rounded to bf16, to nearest even, and kept in x's type: operands of a bf16 product for
// kernels that compute in fp32. In the double build nothing is rounded. y may be x.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct RoundBf16Args {
  const real* x;
  real* y;
  int64_t n;
};
inline Cost cost(const RoundBf16Args& args) {
  return traffic(2 * args.n);
}
SORAGRAD_KERNEL(round_bf16, RoundBf16Args);

// One number of it.
SORAGRAD_HD real rounded_to_bf16(real x) {
  return kReal == DType::f64 ? x : to_float(to_bfloat16(static_cast<float>(x)));
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
