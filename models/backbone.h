// Backbone: the part of a model that all heads share - embeddings and encoder. It turns token ids
// into one hidden state per token. SequenceClassifier is built on it; so is any other head, as for
// a language model.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "models/config.h"
#include "models/embeddings.h"
#include "models/encoder.h"
#include "models/input.h"
#include "nn/module.h"

namespace soragrad::models {

class Backbone : public nn::Module {
 public:
  // Hidden states of the last layer: one row per token, (tokens, hidden).
  Variable forward(const Input& input, const nn::Pass& pass);
  // The same with the word embeddings given, (tokens, hidden), instead of looked up in the
  // backbone's own table: for tables that several models share.
  Variable forward(const Input& input, const Variable& words, const nn::Pass& pass);
  // Hidden states of each sequence's first token alone, (sequences, hidden). Past keys and values
  // the last layer computes nothing else, unless the pass is observed.
  Variable forward_first(const Input& input, const nn::Pass& pass);

  // Checks a batch and counts the positions of its tokens. Reads host memory alone. Throws if an id
  // is not in the vocabulary, a token type not in its table, a sequence longer than
  // max_positions(), or if the batch does not fit the sizes.
  Positions positions(const RaggedBatch& batch, const InputSizes& sizes = {}) const;

  const ModelConfig& config() const { return config_; }
  // Tokens of the longest sequence that the position table allows; 0: no limit.
  virtual int64_t max_positions() const = 0;
  // The word table (vocab_size, hidden). Throws if the backbone was made without one.
  nn::Embedding& word_embeddings() { return embeddings_.words(); }

 protected:
  // Registers embeddings as NAME.embeddings.
  Backbone(nn::Module* parent, std::string name, const ModelConfig& config,
           const EmbeddingTables& tables);

  // The family's part of positions(): fills the arrays that the family reads, for sequences of at
  // most `longest` tokens. The sizes are set.
  virtual void add_positions(const RaggedBatch& batch, int64_t longest,
                             Positions& positions) const = 0;
  // x (tokens, hidden), the embedding output, through all layers.
  virtual Variable encode(const Variable& x, const Input& input, OutputTokens tokens,
                          const nn::Pass& pass) = 0;
  // The product of x that encode() begins with, if there is one (nn/linear.h: JointProduct).
  virtual std::optional<DeltaProduct> first_product(const nn::Pass& pass) = 0;

 private:
  Variable forward(const Input& input, const Variable& words, OutputTokens tokens,
                   const nn::Pass& pass);

  ModelConfig config_;
  Embeddings embeddings_;
};

struct BackboneOptions {
  bool word_table = true;  // false: forward() must be given the word embeddings
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
