#include "models/deberta_v3.h"

#include <numeric>
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
      rel_embeddings_(this, "rel_embeddings", 2 * config.relative_span(), config.hidden_size),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps) {}

Variable DebertaEncoder::forward(const Variable& x, const ModelInput& input, const nn::Pass& pass) {
  EncoderInput shared{input.layout, input.first_tokens, {}};
  shared.positions = positions(input.position_rows, pass);
  return Encoder::forward(x, shared, pass);
}

Variable DebertaEncoder::positions(const Tensor& rows, const nn::Pass& pass) {
  if (pass.observe) return embedding(rows, norm_.forward(rel_embeddings_.weight, pass));
  return norm_.forward(embedding(rows, rel_embeddings_.weight), pass);
}

DebertaV3Classifier::DebertaV3Classifier(const ModelConfig& config)
    : config_(config),
      embeddings_(this, "deberta.embeddings", config),
      encoder_(this, "deberta.encoder", config),
      pooler_(this, "pooler", config.hidden_size, config.pooler_dropout, config.pooler_act),
      classifier_(this, "classifier", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()) {}

void DebertaV3Classifier::add_positions(HostInput& host) const {
  const int64_t buckets = config_.position_buckets, furthest = config_.max_relative_positions;
  const RelativeRows rows = relative_rows(host.longest, buckets, furthest);
  host.position_rows.resize(static_cast<size_t>(rows.end - rows.begin));
  std::iota(host.position_rows.begin(), host.position_rows.end(), rows.begin);
  // Idle rows come last, and no distance reads them: as with idle tokens, no result changes.
  const int64_t room = relative_row_count(host.max_length, buckets, furthest);
  host.position_rows.resize(static_cast<size_t>(room), rows.begin);
  host.distance_row = widened(rows, host.max_length);
}

Variable DebertaV3Classifier::forward(const ModelInput& given, const nn::Pass& pass) {
  const ModelInput input = completed(given);
  const Variable first = encoder_.forward(embeddings_.forward(input, pass), input, pass);
  return classifier_.forward(dropout_.forward(pooler_.forward(first, pass), pass), pass);
}

}  // namespace soragrad::models
