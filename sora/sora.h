// SoRA, sparse low-rank adaptation (Ding et al., EMNLP 2023, arXiv 2311.11696): LoRA whose rank is
// found in training. A gate g between the factors gets its own optimizer group and, after each
// update, a proximal step that sets small entries to exactly 0:
//   z = B (g * (A x)),  g = prox(g - lr grad);  loss += sparse_lambda * mean |g|.
// The optimizer does the proximal step of the gates' group; this class adds the rest.
#pragma once

#include "sora/base_method.h"

namespace soragrad::sora {

class Sora : public LowRankMethod {
 public:
  using LowRankMethod::LowRankMethod;
  // sparse_lambda * mean absolute gate over all modules; undefined if sparse_lambda is 0.
  Variable regularizer() override;
  std::vector<std::pair<std::string, int64_t>> report() const override;

 private:
  DeltaKind kind() const override { return DeltaKind::sora; }
  // The gates are the third group: own rate, Adam's epsilon and proximal operator, no decay.
  std::vector<nn::ParameterGroup> groups(nn::Module& model,
                                         const nn::ParameterGroup& main) const override;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
