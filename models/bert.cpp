#include "models/bert.h"

namespace soragrad::models {

BertClassifier::BertClassifier(const ModelConfig& config)
    : config_(config),
      embeddings_(this, "bert.embeddings", config, /*position_padding_idx=*/-1),
      encoder_(this, "bert.encoder", config),
      pooler_(this, "bert.pooler", config.hidden_size, 0, Activation::tanh),
      classifier_(this, "classifier", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()) {}

// Positions count from 0 in each sequence.
void BertClassifier::add_positions(HostInput& host) const {
  host.position_ids.assign(host.input_ids.size(), 0);
  for (size_t s = 0; s + 1 < host.offsets.size(); ++s) {
    for (int64_t token = host.offsets[s]; token < host.offsets[s + 1]; ++token) {
      host.position_ids[static_cast<size_t>(token)] = token - host.offsets[s];
    }
  }
}

Variable BertClassifier::forward(const ModelInput& given, const nn::Pass& pass) {
  const ModelInput input = completed(given);
  const Variable x =
      embeddings_.forward(input.input_ids, input.token_type_ids, input.position_ids, pass);
  const Variable first = encoder_.forward(x, {input.layout, input.first_tokens, {}}, pass);
  return classifier_.forward(dropout_.forward(pooler_.forward(first, pass), pass), pass);
}

}  // namespace soragrad::models
