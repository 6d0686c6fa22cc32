// One update of all trainable parameters, which stand in one flat buffer: gradient clipping, AdamW
// (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) and the proximal step in
// one pass. With g = grad_scale grad, m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2:
//   torch: p -= lr decay p,  then  p -= lr / c1 m / (sqrt(v / c2) + eps)    (PyTorch)
//   hf:    p -= lr sqrt(c2) / c1 m / (sqrt(v) + eps),  then  p -= lr decay p  (transformers 4.14)
//   sgd:   p -= lr (g + decay p);  m and v stay
// with c1 = 1 - beta1^t, c2 = 1 - beta2^t; then p = proximal(p).
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"
#include "core/kernels/optim/proximal.h"

namespace soragrad::kernels {

enum class UpdateRule : int32_t { torch, hf, sgd };

// A run of elements that share their settings.
struct AdamWSegment {
  int64_t begin = 0, end = 0;  // elements of the flat buffer; segments do not overlap
  double lr = 0;
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double correction1 = 1, correction2 = 1;  // 1 - beta^t, t = 1 in the first update
  UpdateRule rule = UpdateRule::torch;
  Proximal proximal = Proximal::none;
  double threshold = 0;  // of the proximal operator: xi, or lr xi; none where it is not positive
};

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
