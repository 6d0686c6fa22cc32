#include "models/deberta_v3.h"

#include <utility>

#include "models/relative_position.h"

namespace soragrad::models {

DebertaEmbeddings::DebertaEmbeddings(nn::Module* parent, std::string name,
                                     const ModelConfig& config)
    : Module(parent, std::move(name)),
      word_embeddings_(this, "word_embeddings", config.vocab_size, config.hidden_size,
                       config.pad_token_id),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps),
      dropout_(this, "dropout", config.hidden_dropout_prob) {}

Variable DebertaEmbeddings::forward(const ModelInput& input, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable words = word_embeddings_.forward(input.input_ids, pass);
  return observed(dropout_.forward(norm_.forward(words, pass), pass), pass);
}

DebertaEncoder::DebertaEncoder(nn::Module* parent, std::string name, const ModelConfig& config)
    : Encoder(parent, std::move(name), config),
      buckets_(config.position_buckets),
      max_distance_(config.max_relative_positions),
      rel_embeddings_(this, "rel_embeddings", 2 * config.relative_span(), config.hidden_size),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps) {}

Variable DebertaEncoder::forward(const Variable& x, const ModelInput& input, const nn::Pass& pass) {
  EncoderInput shared{input.layout, input.first_tokens, {}};
  const RelativeRows rows = relative_rows(input.layout.max_length, buckets_, max_distance_);
  const auto width = static_cast<int64_t>(rows.distance_row.size());
  shared.layout.distance_row = Tensor::from(rows.distance_row, {width}, x.device());
  shared.positions = positions(rows.begin, rows.end, pass);
  return Encoder::forward(x, shared, pass);
}

Variable DebertaEncoder::positions(int64_t begin, int64_t end, const nn::Pass& pass) {
  if (pass.observe) return slice_rows(norm_.forward(rel_embeddings_.weight, pass), begin, end);
  return norm_.forward(slice_rows(rel_embeddings_.weight, begin, end), pass);
}

DebertaV3Classifier::DebertaV3Classifier(const ModelConfig& config)
    : config_(config),
      embeddings_(this, "deberta.embeddings", config),
      encoder_(this, "deberta.encoder", config),
      pooler_(this, "pooler", config.hidden_size, config.pooler_dropout, config.pooler_act),
      classifier_(this, "classifier", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()) {}

Variable DebertaV3Classifier::forward(const ModelInput& input, const nn::Pass& pass) {
  check_input(input, config_, max_positions());
  const Variable first = encoder_.forward(embeddings_.forward(input, pass), input, pass);
  return classifier_.forward(dropout_.forward(pooler_.forward(first, pass), pass), pass);
}

}  // namespace soragrad::models
