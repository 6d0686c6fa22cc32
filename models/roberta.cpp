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

int64_t Roberta::max_positions() const {
  return config().max_position_embeddings - config().pad_token_id - 1;
}

void Roberta::add_positions(const RaggedBatch& batch, int64_t /*longest*/,
                            Positions& positions) const {
  const int64_t padding = config().pad_token_id;
  positions.position_ids = roberta_positions(batch.input_ids, batch.offsets, padding);
  positions.position_ids.resize(static_cast<size_t>(positions.tokens), padding);
}

}  // namespace soragrad::models
