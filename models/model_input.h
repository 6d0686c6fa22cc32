// A batch as models read it: numbers on the host first, then on the model's device.
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/ops.h"

namespace soragrad::models {

// Sizes that a batch is filled up to, so that batches of almost the same size launch the same
// kernels; 0: as large as it is. Past the sequences stand idle tokens (AttentionLayout).
struct InputSizes {
  int64_t tokens = 0;
  int64_t max_length = 0;
};

struct HostInput {
  std::vector<int64_t> input_ids;       // (tokens), idle ones last
  std::vector<int64_t> token_type_ids;  // (tokens), or empty: all 0
  std::vector<int64_t> offsets;         // (sequences + 1), from 0 to the first idle token
  int64_t longest = 0;                  // sequence of these
  int64_t max_length = 0;               // for which there is room, at least longest
  // Where tokens stand, as SequenceClassifier::complete() adds it.
  bool complete = false;
  std::vector<int64_t> position_ids;   // BERT, RoBERTa: (tokens)
  std::vector<int64_t> position_rows;  // DeBERTa: rows of the table of relative positions in use
  std::vector<int32_t> distance_row;   // DeBERTa: (2 max_length - 1), see AttentionLayout

  int64_t tokens() const { return static_cast<int64_t>(input_ids.size()); }
  int64_t sequences() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// token_type_ids may be empty. Throws where offsets do not begin at 0, increase and end with the
// tokens - no sequence is empty - and where the batch does not fit the sizes.
HostInput host_input(std::vector<int64_t> input_ids, std::vector<int64_t> token_type_ids,
                     std::vector<int64_t> offsets, const InputSizes& sizes = {});

// One batch on the model's device: the tokens of all sequences one after another.
struct ModelInput {
  HostInput host;
  Tensor input_ids;       // I64 (tokens)
  Tensor token_type_ids;  // I64 (tokens); undefined: all 0 (DeBERTa and RoBERTa read none)
  Tensor position_ids;    // I64 (tokens)
  Tensor position_rows;   // I64 (positions)
  AttentionLayout layout;
  Tensor first_tokens;  // I64 (sequences): offsets without the last

  int64_t sequences() const { return host.sequences(); }
};

// The host's numbers where place() puts them: it makes a Tensor of a vector, of any type.
template <typename Place>
ModelInput place_input(HostInput host, const Place& place) {
  const auto place_some = [&](const auto& values) {
    return values.empty() ? Tensor() : place(values);
  };
  ModelInput input;
  input.input_ids = place(host.input_ids);
  input.token_type_ids = place_some(host.token_type_ids);
  input.position_ids = place_some(host.position_ids);
  input.position_rows = place_some(host.position_rows);
  input.layout.distance_row = place_some(host.distance_row);
  input.layout.offsets = place(host.offsets);
  input.layout.host_offsets = host.offsets;
  input.layout.max_length = host.max_length;
  input.layout.idle_tokens = host.tokens() - host.offsets.back();
  input.first_tokens = input.layout.offsets.slice(0, host.sequences());
  input.host = std::move(host);
  return input;
}

// The same in memory of its own.
ModelInput upload(HostInput host, Device device);
// upload() of host_input().
ModelInput make_input(const std::vector<int64_t>& input_ids,
                      const std::vector<int64_t>& token_type_ids,
                      const std::vector<int64_t>& offsets, Device device);

}  // namespace soragrad::models
