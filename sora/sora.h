// SoRA, sparse low-rank adaptation (Ding et al., EMNLP 2023, arXiv 2311.11696): LoRA whose rank is
// found in training. A gate g between the factors gets its own optimizer group and, after each
// update, a proximal step that sets small entries to exactly 0:
//   z = B (g * (A x)),  g = prox(g - lr grad);  loss += sparse_lambda * mean |g|.
// The optimizer does the proximal step (configure_gates); this class adds the rest.
#pragma once

#include "sora/base_method.h"

namespace soragrad::sora {

class Sora : public LowRankMethod {
 public:
  using LowRankMethod::LowRankMethod;
  nn::ParameterRule rule(const nn::Parameter& parameter) const override;
  // sparse_lambda * mean absolute gate over all modules; undefined where sparse_lambda is 0.
  Variable regularizer() override;
  std::vector<std::pair<std::string, int64_t>> report() const override;

 private:
  DeltaKind kind() const override { return DeltaKind::sora; }
};

}  // namespace soragrad::sora
