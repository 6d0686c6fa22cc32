// Two launches: a copy of all tokens, then the positions.
#include "core/kernels/rows/replace_tokens.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

__global__ void copy_tokens(ReplaceTokensArgs args) {
  const int64_t i = global_thread();
  if (i >= args.tokens) return;
  args.replaced[i] = args.ids[i];
  args.targets[i] = real(0);
}

__global__ void place_samples(ReplaceTokensArgs args) {
  const int64_t i = global_thread();
  if (i >= args.n) return;
  args.replaced[args.positions[i]] = args.samples[i];
  args.targets[args.positions[i]] = args.samples[i] != args.labels[i] ? real(1) : real(0);
}

}  // namespace

void replace_tokens_cuda(const ReplaceTokensArgs& args) {
  launch_elements(copy_tokens, args.tokens, args);
  launch_elements(place_samples, args.n, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
