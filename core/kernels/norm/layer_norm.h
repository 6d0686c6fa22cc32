// Layer normalisation of rows, with the dropout and the residual sum before it fused in:
//   s = dropout(x) + residual,  normalised = (s - mean(s)) rstd,  y = normalised weight + bias,
//   rstd = 1 / sqrt(var(s) + eps), the variance biased (Ba et al., "Layer normalization", 2016).
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

struct LayerNormArgs {
  const real* x;         // (rows, hidden)
  const real* residual;  // (rows, hidden), or null: s = x
  const real* weight;    // (hidden)
  const real* bias;      // (hidden)
  real* y;               // (rows, hidden), no input
  real* normalised;      // (rows, hidden), for backward, or null
  real* rstd;            // (rows), for backward, or null
  int64_t rows;
  int64_t hidden;
  real eps;
  uint32_t drop_threshold;  // as in dropout.h; element (row, j) draws word row hidden + j
  real keep_scale;
  RandomStream stream;
};
inline Cost cost(const LayerNormArgs& args) {
  return traffic(args.rows * args.hidden *
                 (2 + (args.residual != nullptr) + (args.normalised != nullptr)));
}
SORAGRAD_KERNEL(layer_norm, LayerNormArgs);

// With g = dy weight: ds = rstd (g - mean(g) - normalised mean(g normalised)),
// dresidual = ds, dx = dropout(ds), dweight = sum of dy normalised, dbias = sum of dy over rows.
struct LayerNormBackwardArgs {
  const real* dy;          // (rows, hidden)
  const real* normalised;  // (rows, hidden)
  const real* rstd;        // (rows)
  const real* weight;      // (hidden)
  real* ds;                // (rows, hidden), or null where only dweight and dbias are wanted
  real* dx;                // (rows, hidden), or null where nothing is dropped; may be ds itself
  GradientTarget dweight;  // (hidden)
  GradientTarget dbias;    // (hidden)
  int64_t rows;
  int64_t hidden;
  uint32_t drop_threshold;
  real keep_scale;
  RandomStream stream;
};
inline Cost cost(const LayerNormBackwardArgs& args) {
  return traffic(args.rows * args.hidden * (2 + (args.ds != nullptr) + (args.dx != nullptr)));
}
SORAGRAD_KERNEL(layer_norm_backward, LayerNormBackwardArgs);

}  // namespace soragrad::kernels
