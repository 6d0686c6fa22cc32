// The 2-norm of the gradient, in double, and the factor that clips it to a maximum
// (torch.nn.utils.clip_grad_norm_): both stay on the device, so no step waits for them.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

constexpr double kClipEps = 1e-6;

// min(1, max_norm / (norm + 1e-6)); 1 where max_norm is 0.
SORAGRAD_HD double clip_scale(double norm, double max_norm) {
  const double scale = max_norm / (norm + kClipEps);
  return max_norm > 0 && scale < 1 ? scale : 1;
}

struct GradNormArgs {
  const real* grad;  // (n)
  double* norm;      // (1)
  real* scale;       // (1): clip_scale
  int64_t n;
  double max_norm;
};
inline Cost cost(const GradNormArgs& args) {
  return traffic(args.n);
}
SORAGRAD_KERNEL(grad_norm, GradNormArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
