#include "models/model.h"

#include <algorithm>

#include "core/error.h"
#include "models/bert.h"
#include "models/deberta_v3.h"
#include "models/roberta.h"

namespace soragrad::models {

ModelInput make_input(const std::vector<int64_t>& input_ids,
                      const std::vector<int64_t>& token_type_ids,
                      const std::vector<int64_t>& offsets, Device device) {
  const auto tokens = static_cast<int64_t>(input_ids.size());
  require(offsets.size() > 1 && offsets.front() == 0 && offsets.back() == tokens,
          "[make_input] {} offsets do not delimit {} tokens; they begin at 0 and end at {}.",
          offsets.size(), tokens, tokens);
  require(token_type_ids.empty() || token_type_ids.size() == input_ids.size(),
          "[make_input] {} token types for {} tokens.", token_type_ids.size(), tokens);
  ModelInput input;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int64_t length = offsets[s + 1] - offsets[s];
    require(length > 0, "[make_input] sequence {} has {} tokens; at least 1 is needed.", s, length);
    input.layout.max_length = std::max(input.layout.max_length, length);
  }
  input.input_ids = Tensor::from(input_ids, {tokens}, device);
  input.host_input_ids = input_ids;
  if (!token_type_ids.empty()) {
    const auto [least, largest] = std::minmax_element(token_type_ids.begin(), token_type_ids.end());
    require(*least >= 0, "[make_input] token type {} is negative.", *least);
    input.max_token_type = *largest;
    input.token_type_ids = Tensor::from(token_type_ids, {tokens}, device);
  }
  input.layout.host_offsets = offsets;
  input.layout.offsets = Tensor::from(offsets, {static_cast<int64_t>(offsets.size())}, device);
  input.first_tokens = input.layout.offsets.slice(0, input.sequences());
  return input;
}

void check_input(const ModelInput& input, const ModelConfig& config, int64_t max_positions) {
  for (const int64_t id : input.host_input_ids) {
    require(id >= 0 && id < config.vocab_size,
            "[input] id {} is not in the vocabulary of {} tokens.", id, config.vocab_size);
  }
  require(config.type != ModelType::bert || input.max_token_type < config.type_vocab_size,
          "[input] token type {}; the model knows {} types.", input.max_token_type,
          config.type_vocab_size);
  require(max_positions == 0 || input.layout.max_length <= max_positions,
          "[input] a sequence of {} tokens; the model's position table holds {}.",
          input.layout.max_length, max_positions);
}

std::unique_ptr<SequenceClassifier> make_model(const ModelConfig& config) {
  switch (config.type) {
    case ModelType::deberta_v2:
      return std::make_unique<DebertaV3Classifier>(config);
    case ModelType::roberta:
      return std::make_unique<RobertaClassifier>(config);
    case ModelType::bert:
      return std::make_unique<BertClassifier>(config);
  }
  fail("[make_model] unknown model type.");
}

}  // namespace soragrad::models
