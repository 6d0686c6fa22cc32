// The embedding layer: LayerNorm of the sum of one row from each table.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/config.h"
#include "models/input.h"
#include "nn/layers.h"

namespace soragrad::models {

// Which tables the layer has. DeBERTaV3 has words alone: its positions enter in the attention.
struct EmbeddingTables {
  bool words = true;  // false: every forward pass is given the rows (tables that models share)
  bool positions_and_types = false;   // BERT, RoBERTa
  bool reads_types = true;            // false: every token has type 0 (RoBERTa)
  int64_t position_padding_idx = -1;  // row of the position table without a gradient; -1: none
};

class Embeddings : public nn::Module {
 public:
  Embeddings(nn::Module* parent, std::string name, const ModelConfig& config,
             const EmbeddingTables& tables);

  // -> (tokens, hidden). `words` (tokens, hidden) replaces the rows of the word table; undefined:
  // the rows of input_ids in the layer's own table. `next` is the product that gets the result, or
  // null: the norm's kernel makes its operand (autograd/ops.h: NormLinks).
  Variable forward(const Input& input, const Variable& words, const nn::Pass& pass,
                   const DeltaProduct* next);

  // Whether token_type_ids act on the result.
  bool reads_types() const { return token_type_embeddings_ && reads_types_; }
  // The word table, for heads that share it. Throws if the layer has none.
  nn::Embedding& words();

 private:
  std::unique_ptr<nn::Embedding> word_embeddings_;  // null: rows are given
  std::unique_ptr<nn::Embedding> position_embeddings_, token_type_embeddings_;  // null: none
  bool reads_types_;
  nn::LayerNorm norm_;
  nn::Dropout dropout_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
