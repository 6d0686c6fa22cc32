// y_i = x_i + x_f(i), f(i) the first token of the sequence that token i is in, for DeBERTaV3's
// replaced token detection. Rows past the last sequence belong to none and become zeros.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct AddFirstTokenArgs {
  const int64_t* offsets;  // (sequences + 1), non-decreasing from 0
  const real* x;           // (tokens, hidden)
  real* y;                 // (tokens, hidden)
  int64_t sequences;
  int64_t tokens;
  int64_t hidden;
};
inline Cost cost(const AddFirstTokenArgs& args) {
  return traffic(2 * args.tokens * args.hidden);
}
SORAGRAD_KERNEL(add_first_token, AddFirstTokenArgs);

// dx_i = dy_i, and for a first token the sum of dy over its sequence besides, in the order of
// tokens.
struct AddFirstTokenBackwardArgs {
  const int64_t* offsets;
  const real* dy;  // (tokens, hidden)
  real* dx;        // (tokens, hidden)
  int64_t sequences;
  int64_t tokens;
  int64_t hidden;
};
inline Cost cost(const AddFirstTokenBackwardArgs& args) {
  return traffic(2 * args.tokens * args.hidden);
}
SORAGRAD_KERNEL(add_first_token_backward, AddFirstTokenBackwardArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
