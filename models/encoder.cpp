#include "models/encoder.h"

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "autograd/graph.h"

namespace soragrad::models {

namespace {

// layer.forward(), of which the graph keeps the inputs and the state of the last norm. With that
// the second run needs no result: it leaves out the layer's last product, a quarter of its time.
Variable checkpointed(TransformerLayer& layer, const Variable& x, bool first_only,
                      const EncoderInput& input, const nn::Pass& pass) {
  std::vector<const Variable*> trainable;
  layer.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad()) trainable.push_back(&parameter);
  });
  EncoderInput shared = input;
  shared.positions = {};  // a Variable: it comes as an input
  const bool relative = input.positions.defined();
  const auto state = std::make_shared<NormState>();
  const auto run = [=, &layer](std::span<const Variable> inputs) {
    EncoderInput whole = shared;
    if (relative) whole.positions = inputs[1];
    return layer.forward(inputs[0], first_only, whole, pass, {.state = state.get()});
  };
  std::vector<Variable> inputs = {x};
  if (relative) inputs.push_back(input.positions);
  return checkpoint(run, inputs, trainable);
}

}  // namespace

Encoder::Encoder(nn::Module* parent, std::string name, const ModelConfig& config,
                 AttentionFactory make_attention)
    : Module(parent, std::move(name)) {
  for (int64_t i = 0; i < config.layers; ++i) {
    layers_.push_back(std::make_unique<TransformerLayer>(this, "layer." + std::to_string(i), config,
                                                         make_attention));
  }
}

Variable Encoder::forward(const Variable& x, const EncoderInput& input, OutputTokens tokens,
                          const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const bool first = tokens == OutputTokens::first;
  const auto first_only = [&](size_t i) {
    return first && i + 1 == layers_.size() && !pass.observe;
  };
  Variable y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (pass.checkpoint && !pass.observe) {
      y = checkpointed(*layers_[i], y, first_only(i), input, pass);
      continue;
    }
    std::optional<DeltaProduct> next;
    if (i + 1 < layers_.size() && !first_only(i + 1)) next = layers_[i + 1]->product(pass);
    y = layers_[i]->forward(y, first_only(i), input, pass, {.next = next ? &*next : nullptr});
  }
  return first && pass.observe ? select_rows(y, input.first_tokens) : y;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
