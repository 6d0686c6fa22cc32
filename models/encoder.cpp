#include "models/encoder.h"

#include <utility>

namespace soragrad::models {

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
  Variable y = x;
  for (const auto& layer : layers_) {
    const bool first_only = first && layer == layers_.back() && !pass.observe;
    y = layer->forward(y, first_only, input, pass);
  }
  return first && pass.observe ? select_rows(y, input.first_tokens) : y;
}

}  // namespace soragrad::models
