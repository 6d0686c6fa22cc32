#include "sora/sora.h"

#include "autograd/ops.h"

namespace soragrad::sora {

namespace {

constexpr double kGateBeta1 = 0.9, kGateBeta2 = 0.999;  // the released code's SparseAdamW

}  // namespace

std::vector<nn::ParameterGroup> Sora::groups(nn::Module& model,
                                             const nn::ParameterGroup& main) const {
  std::vector<nn::ParameterGroup> groups = LowRankMethod::groups(model, main);
  if (deltas().empty()) return groups;
  nn::ParameterGroup& gates = nn::split_off(
      groups, [](const nn::Parameter& parameter) { return parameter.path().ends_with(".gate"); });
  gates.learning_rate = config_.sparse_lr.value_or(main.learning_rate);
  gates.beta1 = kGateBeta1;
  gates.beta2 = kGateBeta2;
  gates.epsilon = config_.sparse_adam_epsilon;
  gates.weight_decay = 0;
  if (config_.sparse_optim == "sgd") gates.update = nn::Update::sgd;
  gates.proximal = nn::proximal_of(config_.proximal);
  gates.xi = config_.xi.value_or(default_xi(config_.proximal));
  return groups;
}

Variable Sora::regularizer() {
  if (config_.sparse_lambda == 0) return {};
  return mean_abs(gates(), static_cast<real>(config_.sparse_lambda));
}

std::vector<std::pair<std::string, int64_t>> Sora::report() const {
  return {{"gates_zero", sparsity().zero}};
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
