// Bottleneck adapters: y + up(act(down(y))) on the output y of a Linear, before dropout, residual
// and LayerNorm. Houlsby et al. (2019) put one behind attention.output.dense and one behind
// output.dense of each layer, Pfeiffer et al. (2021) only the latter.
#pragma once

#include <cstdint>
#include <string>

#include "nn/activation.h"
#include "nn/linear.h"
#include "sora/base_method.h"

namespace soragrad::sora {

// gelu_new, gelu or relu. Throws for other names, listing these.
nn::Activation activation_of(const std::string& name);

class BottleneckDelta : public nn::Linear::Delta {
 public:
  // Registers trainable parameters under the Linear's path, without values yet.
  BottleneckDelta(nn::Linear& linear, int64_t bottleneck, nn::Activation activation);
  Variable forward(const Variable& x, Variable y, const nn::Pass& pass) override;
  // Draws weights N(0, 0.01^2) and biases 0, as OpenDelta's AdapterModel.
  void initialize(uint64_t seed);

  nn::Parameter down_weight, down_bias;  // (bottleneck, out), (bottleneck)
  nn::Parameter up_weight, up_bias;      // (out, bottleneck), (out)

 private:
  nn::Linear& linear_;
  nn::Activation activation_;
};

// houlsby and pfeiffer, by config.method.
class Adapter : public BaseMethod {
 public:
  using BaseMethod::BaseMethod;

 private:
  void attach_to(nn::Module& model, std::optional<uint64_t> seed) override;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
