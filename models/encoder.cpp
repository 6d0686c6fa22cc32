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
  shared.positions = shared.tables = {};  // Variables: they come as inputs
  const auto state = std::make_shared<NormState>();
  const auto run = [=, &layer](std::span<const Variable> inputs) {
    EncoderInput whole = shared;
    whole.positions = inputs[1];
    whole.tables = inputs[2];
    return layer.forward(inputs[0], first_only, whole, pass, {.state = state.get()});
  };
  const std::vector<Variable> inputs = {x, input.positions, input.tables};
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

std::optional<DeltaProduct> Encoder::first_product(const nn::Pass& pass) {
  const bool checkpointed = pass.checkpoint && !pass.observe;  // its inputs bring no operand
  if (layers_.empty() || checkpointed) return {};
  return layers_.front()->product(pass);
}

Variable Encoder::forward(const Variable& x, const EncoderInput& input, OutputTokens tokens,
                          const nn::Pass& pass, std::span<const Variable> tables) {
  const nn::ForwardSpan span(*this);
  const bool first = tokens == OutputTokens::first;
  EncoderInput own = input;
  Variable y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const bool last = i + 1 == layers_.size(), first_only = first && last && !pass.observe;
    if (!tables.empty()) own.tables = tables[i];
    if (pass.checkpoint && !pass.observe) {
      y = checkpointed(*layers_[i], y, first_only, own, pass);
      continue;
    }
    const auto next = last ? std::nullopt : layers_[i + 1]->product(pass);
    y = layers_[i]->forward(y, first_only, own, pass, {.next = next ? &*next : nullptr});
  }
  return first && pass.observe ? select_rows(y, input.first_tokens) : y;
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
