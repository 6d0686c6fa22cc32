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

Variable RobertaClassifier::forward(const ModelInput& input, const nn::Pass& pass) {
  check_input(input, config_, max_positions());
  const Tensor positions = Tensor::from(
      roberta_positions(input.host_input_ids, input.layout.host_offsets, config_.pad_token_id),
      input.input_ids.shape(), input.input_ids.device());
  // Token types are all 0: Hugging Face's tokenizer gives RoBERTa none.
  const Variable x = embeddings_.forward(input.input_ids, {}, positions, pass);
  const Variable first = encoder_.forward(x, {input.layout, input.first_tokens, {}}, pass);
  return head_.forward(first, pass);
}

}  // namespace soragrad::models
