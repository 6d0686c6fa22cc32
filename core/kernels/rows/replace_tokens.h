// The discriminator's input of replaced token detection: a batch's ids with samples at some
// positions, and which tokens differ from the text.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/kernels/kernel.h"

namespace soragrad::kernels {

struct ReplaceTokensArgs {
  const int64_t* ids;        // (tokens)
  const int64_t* positions;  // (n), each below tokens, none twice
  const int64_t* samples;    // (n): what stands there instead
  const int64_t* labels;     // (n): the text's own token
  int64_t* replaced;         // (tokens): ids, samples at the positions
  real* targets;             // (tokens): 1 where a sample differs from its label, else 0
  int64_t tokens;
  int64_t n;
};
SORAGRAD_KERNEL(replace_tokens, ReplaceTokensArgs);

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
