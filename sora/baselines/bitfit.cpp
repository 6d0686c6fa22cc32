#include "sora/baselines/bitfit.h"

namespace soragrad::sora {

void BitFit::attach_to(nn::Module& model, std::optional<uint64_t>) {
  bool found = false;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (!parameter.path().ends_with(".bias") || !nn::is_in_layer(parameter)) return;
    parameter.set_requires_grad(true);
    found = true;
  });
  require(found, "[bitfit] the model has no transformer layer with biases.");
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
