// What attaching a method changes in a model, to undo it where it fails halfway.
#pragma once

#include <utility>
#include <vector>

#include "nn/linear.h"
#include "nn/module.h"

namespace soragrad::sora {

class AttachedState {
 public:
  explicit AttachedState(nn::Module& model);
  // Detaches the deltas that have come since, and freezes or unfreezes parameters as they were.
  void restore() const;

 private:
  std::vector<nn::Linear*> linears_;
  std::vector<bool> had_delta_;
  std::vector<std::pair<nn::Parameter*, bool>> parameters_;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
