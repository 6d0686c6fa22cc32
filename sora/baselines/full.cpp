#include "sora/baselines/full.h"

namespace soragrad::sora {

void Full::attach_to(nn::Module& model, std::optional<uint64_t>) {
  model.for_each_parameter([](nn::Parameter& parameter) { parameter.set_requires_grad(true); });
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
