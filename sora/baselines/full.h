// Full fine-tuning: every parameter trains, the head too whatever train_head says.
#pragma once

#include "sora/base_method.h"

namespace soragrad::sora {

class Full : public BaseMethod {
 public:
  using BaseMethod::BaseMethod;

 private:
  void attach_to(nn::Module& model, std::optional<uint64_t> seed) override;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
