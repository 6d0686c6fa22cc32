// What a batch sends to the GPU, as one piece of memory and one copy that does not wait. Its
// addresses stay, so that a captured step finds the next batch of the same sizes in it.
#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "models/model_input.h"

namespace soragrad::train {

class InputBlock {
 public:
  // Room for inputs of these sizes.
  InputBlock(const models::HostInput& host, const Tensor& answers, Device device);

  // Replaces what the block holds; sizes must be those of before. answers are on the host; pass is
  // the number of the forward pass, share what the gradient of the loss is multiplied with.
  void upload(const models::HostInput& host, const Tensor& answers, uint32_t pass, real share);

  const models::ModelInput& input() const { return input_; }
  const Tensor& answers() const { return answers_; }
  const Tensor& share() const { return share_; }  // ()
  const uint32_t* pass() const;                   // nn::Pass::step_at

 private:
  // Copies values behind the last and says where they will be on the device.
  Tensor add(const Tensor& values);

  Tensor host_, device_;  // bytes
  size_t used_ = 0;
  models::ModelInput input_;
  Tensor answers_, share_, pass_;
};

}  // namespace soragrad::train
