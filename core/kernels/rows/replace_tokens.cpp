#include "core/kernels/rows/replace_tokens.h"

#include <algorithm>

namespace soragrad::kernels {

void replace_tokens_cpu(const ReplaceTokensArgs& args) {
  std::copy_n(args.ids, args.tokens, args.replaced);
  std::fill_n(args.targets, args.tokens, real(0));
  for (int64_t i = 0; i < args.n; ++i) {
    args.replaced[args.positions[i]] = args.samples[i];
    args.targets[args.positions[i]] = args.samples[i] != args.labels[i] ? real(1) : real(0);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
