#include "models/deberta_v3.h"

#include <numeric>
#include <utility>

#include "models/relative_position.h"

namespace soragrad::models {

DebertaEncoder::DebertaEncoder(nn::Module* parent, std::string name, const ModelConfig& config)
    : Encoder(parent, std::move(name), config),
      rel_embeddings_(this, "rel_embeddings", 2 * config.relative_span(), config.hidden_size),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps) {}

Variable DebertaEncoder::forward(const Variable& x, const Input& input, OutputTokens tokens,
                                 const nn::Pass& pass) {
  EncoderInput shared{input.layout, input.first_tokens, {}};
  shared.positions = positions(input.position_rows, pass);
  return Encoder::forward(x, shared, tokens, pass);
}

Variable DebertaEncoder::positions(const Tensor& rows, const nn::Pass& pass) {
  if (pass.observe) return embedding(rows, norm_.forward(rel_embeddings_.weight, pass));
  return norm_.forward(embedding(rows, rel_embeddings_.weight), pass);
}

DebertaV3::DebertaV3(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options)
    : Backbone(parent, "deberta", config, {.words = options.word_table}),
      encoder_(this, "encoder", config) {}

void DebertaV3::add_positions(const RaggedBatch& /*batch*/, int64_t longest,
                              Positions& positions) const {
  const int64_t buckets = config().position_buckets, furthest = config().max_relative_positions;
  const RelativeRows rows = relative_rows(longest, buckets, furthest);
  std::vector<int64_t>& used = positions.position_rows;
  used.resize(static_cast<size_t>(rows.end - rows.begin));
  std::iota(used.begin(), used.end(), rows.begin);
  // Idle rows come last, and no distance reads them: as with idle tokens, no result changes.
  const int64_t room = relative_row_count(positions.max_length, buckets, furthest);
  used.resize(static_cast<size_t>(room), rows.begin);
  positions.distance_row = widened(rows, positions.max_length);
}

Variable DebertaV3::encode(const Variable& x, const Input& input, OutputTokens tokens,
                           const nn::Pass& pass) {
  return encoder_.forward(x, input, tokens, pass);
}

}  // namespace soragrad::models
