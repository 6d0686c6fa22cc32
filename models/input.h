// A model's input in three steps: a ragged batch on the host, the positions that the model's family
// counts for it, and the complete input on the device.
//
//   const Positions positions = model.positions(batch);           // checks the batch
//   const Input input = upload(batch, positions, Device::cuda);
//   const Variable logits = model.forward(input, pass);           // or forward(batch, pass) alone
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "autograd/ops.h"

namespace soragrad::models {

// A batch of any library: a struct with these members, each a contiguous range of int64_t.
template <typename Batch>
concept RaggedRows = requires(const Batch& batch) {
  std::span<const int64_t>(batch.input_ids);
  std::span<const int64_t>(batch.token_type_ids);
  std::span<const int64_t>(batch.offsets);
};

// A ragged batch on the host: the tokens of all sequences one after another. Borrows the arrays,
// which must outlive it. Any RaggedRows (data::Batch is one) converts to it.
struct RaggedBatch {
  std::span<const int64_t> input_ids;       // (tokens)
  std::span<const int64_t> token_type_ids;  // (tokens), or empty: all 0
  std::span<const int64_t> offsets;         // (sequences + 1): first token of each, then tokens

  RaggedBatch(std::span<const int64_t> ids, std::span<const int64_t> types,
              std::span<const int64_t> sequence_offsets)
      : input_ids(ids), token_type_ids(types), offsets(sequence_offsets) {}
  template <RaggedRows Batch>
  requires(!std::same_as<Batch, RaggedBatch>) RaggedBatch(const Batch& batch)
      : RaggedBatch(batch.input_ids, batch.token_type_ids, batch.offsets) {}

  int64_t tokens() const { return static_cast<int64_t>(input_ids.size()); }
  int64_t sequences() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

// Tokens of the longest sequence. Throws if the offsets do not begin at 0, increase and end at the
// number of tokens (no sequence is empty), or if there are token types for some tokens only.
int64_t longest_sequence(const RaggedBatch& batch);

// Sizes that a batch is filled up to, so that batches of almost the same size launch the same
// kernels. 0: as large as the batch is. Idle tokens follow the last sequence and change no result
// (AttentionLayout).
struct InputSizes {
  int64_t tokens = 0;
  int64_t max_length = 0;
};

// Where each token of a batch is, as the model's family counts. Made by Backbone::positions().
struct Positions {
  int64_t tokens = 0;                  // of the input, idle ones included
  int64_t max_length = 0;              // longest sequence that the input has room for
  std::vector<int64_t> position_ids;   // BERT, RoBERTa: (tokens)
  std::vector<int64_t> position_rows;  // DeBERTa: rows of the table of relative positions in use
  std::vector<int32_t> distance_row;   // DeBERTa: (2 max_length - 1), see AttentionLayout
};

// One batch, complete, on the model's device. Idle tokens come last.
struct Input {
  Tensor input_ids;       // I64 (tokens)
  Tensor token_type_ids;  // I64 (tokens); undefined: all 0 (DeBERTa and RoBERTa read none)
  Tensor position_ids;    // I64 (tokens); undefined for DeBERTa
  Tensor position_rows;   // I64 (rows in use); undefined for BERT and RoBERTa
  AttentionLayout layout;
  Tensor first_tokens;  // I64 (sequences): offsets without the last

  int64_t sequences() const { return first_tokens.numel(); }
};

// A function that makes a Tensor of a vector.
template <typename Place>
concept TensorPlace = std::invocable < const Place&,
        const std::vector<int64_t>
& > ;

// The input in memory of the caller's choice: `place` makes a Tensor of a vector, of int64_t or
// int32_t. Positions must be those of this batch.
template <TensorPlace Place>
Input upload(const RaggedBatch& batch, const Positions& positions, const Place& place) {
  const auto place_some = [&](const auto& values) {
    return values.empty() ? Tensor() : place(values);
  };
  std::vector<int64_t> ids(batch.input_ids.begin(), batch.input_ids.end());
  std::vector<int64_t> types(batch.token_type_ids.begin(), batch.token_type_ids.end());
  ids.resize(static_cast<size_t>(positions.tokens));
  if (!types.empty()) types.resize(ids.size());
  Input input;
  input.input_ids = place(ids);
  input.token_type_ids = place_some(types);
  input.position_ids = place_some(positions.position_ids);
  input.position_rows = place_some(positions.position_rows);
  input.layout.distance_row = place_some(positions.distance_row);
  input.layout.host_offsets.assign(batch.offsets.begin(), batch.offsets.end());
  input.layout.offsets = place(input.layout.host_offsets);
  input.layout.max_length = positions.max_length;
  input.layout.idle_tokens = positions.tokens - batch.tokens();
  input.first_tokens = input.layout.offsets.slice(0, batch.sequences());
  return input;
}

// The input in device memory of its own.
Input upload(const RaggedBatch& batch, const Positions& positions, Device device);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
