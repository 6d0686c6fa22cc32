#include "models/bert.h"

#include <numeric>
#include <utility>

namespace soragrad::models {

Bert::Bert(nn::Module* parent, std::string name, const ModelConfig& config,
           const EmbeddingTables& tables)
    : Backbone(parent, std::move(name), config, tables), encoder_(this, "encoder", config) {}

void Bert::add_positions(const RaggedBatch& batch, int64_t /*longest*/,
                         Positions& positions) const {
  std::vector<int64_t>& ids = positions.position_ids;
  ids.assign(static_cast<size_t>(positions.tokens), 0);
  for (size_t s = 0; s + 1 < batch.offsets.size(); ++s) {
    std::iota(ids.begin() + batch.offsets[s], ids.begin() + batch.offsets[s + 1], 0);
  }
}

Variable Bert::encode(const Variable& x, const Input& input, OutputTokens tokens,
                      const nn::Pass& pass) {
  return encoder_.forward(x, {input.layout, input.first_tokens, {}}, tokens, pass);
}

}  // namespace soragrad::models
