// Layer normalisation of rows (Ba et al., "Layer normalization", 2016), fused with the dropout and
// the residual sum that precede it in a transformer, or with the dropout that follows it where
// there is no residual. For each row:
//   s          = dropout(x) + residual, or x
//   rstd       = 1 / sqrt(var(s) + eps)                 var divides by `hidden` (biased)
//   normalised = (s - mean(s)) * rstd
//   y          = normalised * weight + bias, or dropout of that
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/kernel.h"
#include "core/rng.h"

namespace soragrad::kernels {

struct LayerNormArgs {
  const real* x;         // (rows, hidden), or a table of such rows
  const real* residual;  // (rows, hidden); null: s = x, and y is what is dropped
  const real* weight;    // (hidden)
  const real* bias;      // (hidden)
  real* y;               // (rows, hidden); must not be an input
  real* normalised;      // (rows, hidden), which backward reads; null if none follows
  real* rstd;            // (rows), which backward reads; null if none follows
  int64_t rows;
  int64_t hidden;
  real eps;
  uint32_t drop_threshold;  // as in dropout.h; element (row, j) draws word row * hidden + j
  real keep_scale;
  RandomStream stream;
  // (rows): the row of x for each, if there is no residual; null: its own.
  const int64_t* index = nullptr;

  SORAGRAD_HD const real* row_of_x(int64_t row) const {
    return x + (index ? index[row] : row) * hidden;
  }
};
inline Cost cost(const LayerNormArgs& args) {
  return traffic(args.rows * args.hidden *
                 (2 + (args.residual != nullptr) + (args.normalised != nullptr)));
}
SORAGRAD_KERNEL(layer_norm, LayerNormArgs);

// The gradients if x is what was dropped, in which means are over the columns of a row:
//   g         = dy * weight
//   ds        = rstd * (g - mean(g) - normalised * mean(g * normalised))
//   dresidual = ds
//   dx        = dropout(ds)
//   dweight   = sum over rows of dy * normalised
//   dbias     = sum over rows of dy
struct LayerNormBackwardArgs {
  const real* dy;          // (rows, hidden)
  const real* normalised;  // (rows, hidden)
  const real* rstd;        // (rows)
  const real* weight;      // (hidden)
  real* ds;                // (rows, hidden); null if only dweight and dbias are wanted
  real* dx;                // (rows, hidden); null if nothing is dropped (dx = ds); may be ds itself
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

// SPDX-License-Identifier: Apache-2.0
