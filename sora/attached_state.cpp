#include "sora/attached_state.h"

#include "sora/targets.h"

namespace soragrad::sora {

AttachedState::AttachedState(nn::Module& model) : linears_(linears(model)) {
  for (const nn::Linear* linear : linears_) had_delta_.push_back(linear->delta() != nullptr);
  model.for_each_parameter([&](nn::Parameter& parameter) {
    parameters_.emplace_back(&parameter, parameter.requires_grad());
  });
}

void AttachedState::restore() const {
  for (size_t i = 0; i < linears_.size(); ++i) {
    if (!had_delta_[i]) linears_[i]->attach(nullptr);
  }
  for (const auto& [parameter, trained] : parameters_) parameter->set_requires_grad(trained);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
