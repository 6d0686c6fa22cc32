// One update of all trainable parameters, which lie in one flat buffer: gradient clipping, AdamW
// (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) and the proximal step in
// one pass. With g = grad_scale grad, m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2:
//   torch: p -= lr decay p,  then  p -= lr / c1 m / (sqrt(v / c2) + eps)    (PyTorch)
//   hf:    p -= lr sqrt(c2) / c1 m / (sqrt(v) + eps),  then  p -= lr decay p  (transformers 4.14)
//   sgd:   p -= lr (g + decay p);  m and v stay
// with c1 = 1 - beta1^t, c2 = 1 - beta2^t; then p = proximal(p).
// Both devices run adamw_element(): the formula is written once.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/kernels/optim/proximal.h"

namespace soragrad::kernels {

enum class UpdateRule : int32_t { torch, hf, sgd };

// Elements of the flat buffer that share their settings: a parameter group.
struct AdamWSegment {
  int64_t begin = 0, end = 0;  // elements of the flat buffer; segments do not overlap
  double lr = 0;
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double correction1 = 1, correction2 = 1;  // 1 - beta^t, t = 1 in the first update
  UpdateRule rule = UpdateRule::torch;
  Proximal proximal = Proximal::none;
  double threshold = 0;  // of the proximal operator: xi, or lr xi; no operator if not positive
};

// A segment's settings in the precision of the update.
struct AdamWConstants {
  real beta1, beta2, new1, new2;  // new1 = 1 - beta1, new2 = 1 - beta2
  real lr, keep;                  // keep = 1 - lr decay
  real root2, step, eps;          // root2 = sqrt(c2), step = lr / c1; hf: lr root2 / c1
  real threshold;
};
SORAGRAD_HD AdamWConstants constants_of(const AdamWSegment& segment) {
  const double root2 = std::sqrt(segment.correction2);
  const double root_step = segment.rule == UpdateRule::hf ? root2 : 1.0;
  return {.beta1 = static_cast<real>(segment.beta1),
          .beta2 = static_cast<real>(segment.beta2),
          .new1 = static_cast<real>(1 - segment.beta1),
          .new2 = static_cast<real>(1 - segment.beta2),
          .lr = static_cast<real>(segment.lr),
          .keep = static_cast<real>(1 - segment.lr * segment.weight_decay),
          .root2 = static_cast<real>(root2),
          .step = static_cast<real>(segment.lr / segment.correction1 * root_step),
          .eps = static_cast<real>(segment.eps),
          .threshold = static_cast<real>(segment.threshold)};
}

// The update of one element before the proximal step: g is the clipped gradient; m and v are
// updated in place (sgd leaves them). Returns the new p. The rule is a template argument so that
// a loop over elements has no branch and the compiler vectorises it.
template <UpdateRule rule>
SORAGRAD_HD real adamw_element(const AdamWConstants& c, real p, real g, real& m, real& v) {
  if constexpr (rule == UpdateRule::sgd) return p * c.keep - c.lr * g;
  m = c.beta1 * m + c.new1 * g;
  v = c.beta2 * v + c.new2 * g * g;
  if constexpr (rule == UpdateRule::torch) {
    return p * c.keep - c.step * m / (std::sqrt(v) / c.root2 + c.eps);
  } else {
    return (p - c.step * m / (std::sqrt(v) + c.eps)) * c.keep;
  }
}

struct AdamWArgs {
  real* value;  // (n), like the next three
  const real* grad;
  real* m;
  real* v;
  const AdamWSegment* segments;
  int64_t segment_count;
  const real* grad_scale;  // (1): the clipping factor; null: 1
};
SORAGRAD_KERNEL(adamw, AdamWArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
