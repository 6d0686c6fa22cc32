#include "models/bert.h"

namespace soragrad::models {
namespace {

// Positions count from 0 in each sequence.
Tensor position_ids(const ModelInput& input) {
  std::vector<int64_t> positions;
  positions.reserve(input.host_input_ids.size());
  const auto& offsets = input.layout.host_offsets;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    for (int64_t token = offsets[s]; token < offsets[s + 1]; ++token) {
      positions.push_back(token - offsets[s]);
    }
  }
  return Tensor::from(positions, input.input_ids.shape(), input.input_ids.device());
}

}  // namespace

BertClassifier::BertClassifier(const ModelConfig& config)
    : config_(config),
      embeddings_(this, "bert.embeddings", config, /*position_padding_idx=*/-1),
      encoder_(this, "bert.encoder", config),
      pooler_(this, "bert.pooler", config.hidden_size, 0, Activation::tanh),
      classifier_(this, "classifier", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()) {}

Variable BertClassifier::forward(const ModelInput& input, const nn::Pass& pass) {
  check_input(input, config_, max_positions());
  const Variable x =
      embeddings_.forward(input.input_ids, input.token_type_ids, position_ids(input), pass);
  const Variable first = encoder_.forward(x, {input.layout, input.first_tokens, {}}, pass);
  return classifier_.forward(dropout_.forward(pooler_.forward(first, pass), pass), pass);
}

}  // namespace soragrad::models
