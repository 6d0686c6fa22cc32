// What a batch sends to the GPU, in one piece (upload_block.h).
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "models/input.h"
#include "train/loop/task_loss.h"
#include "train/loop/upload_block.h"

namespace soragrad::train {

// One forward and backward pass, on the host. Borrows its members.
struct HostPass {
  const models::RaggedBatch& batch;
  const models::Positions& positions;  // of the batch
  const Answers& answers;              // of the batch
  uint32_t number = 0;                 // of the forward pass since the start of training
  real share = 1;                      // what the gradient of the loss is multiplied with
};

class InputBlock {
 public:
  // Room for passes of these sizes.
  InputBlock(const HostPass& pass, Device device);

  // Replaces what the block holds. Throws if the sizes are not those of the first pass.
  void upload(const HostPass& pass);

  const models::Input& input() const { return input_; }
  const Answers& answers() const { return answers_; }
  const Tensor& share() const { return share_; }  // ()
  const uint32_t* pass() const;                   // nn::Pass::step_at

 private:
  size_t bytes_;
  UploadBlock block_;
  models::Input input_;
  Answers answers_;
  Tensor share_, pass_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
