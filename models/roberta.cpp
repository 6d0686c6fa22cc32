#include "models/roberta.h"

namespace soragrad::models {

std::vector<int64_t> roberta_positions(std::span<const int64_t> input_ids,
                                       std::span<const int64_t> offsets, int64_t pad_token_id) {
  std::vector<int64_t> positions;
  positions.reserve(input_ids.size());
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    int64_t position = pad_token_id;
    for (int64_t token = offsets[s]; token < offsets[s + 1]; ++token) {
      const bool is_pad = input_ids[static_cast<size_t>(token)] == pad_token_id;
      positions.push_back(is_pad ? pad_token_id : ++position);
    }
  }
  return positions;
}

RobertaClassifier::RobertaClassifier(const ModelConfig& config)
    : config_(config),
      embeddings_(this, "roberta.embeddings", config, config.pad_token_id),
      encoder_(this, "roberta.encoder", config),
      head_(this, "classifier", config) {}

int64_t RobertaClassifier::max_positions() const {
  return config_.max_position_embeddings - config_.pad_token_id - 1;
}

void RobertaClassifier::add_positions(HostInput& host) const {
  host.position_ids = roberta_positions(host.input_ids, host.offsets, config_.pad_token_id);
  host.position_ids.resize(host.input_ids.size(), config_.pad_token_id);
}

Variable RobertaClassifier::forward(const ModelInput& given, const nn::Pass& pass) {
  const ModelInput input = completed(given);
  // Token types are all 0: Hugging Face's tokenizer gives RoBERTa none.
  const Variable x = embeddings_.forward(input.input_ids, {}, input.position_ids, pass);
  const Variable first = encoder_.forward(x, {input.layout, input.first_tokens, {}}, pass);
  return head_.forward(first, pass);
}

}  // namespace soragrad::models
