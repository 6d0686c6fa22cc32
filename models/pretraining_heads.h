// Heads of pre-training: the language model's over the vocabulary, and replaced token detection's.
#pragma once

#include <string>

#include "autograd/ops.h"
#include "models/config.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::models {

// logits = LayerNorm(act(dense(x))) E^T + bias over the whole vocabulary, E the word table, act the
// config's hidden_act or, as the family's row says, GELU: the head of BERT, RoBERTa and DeBERTaV3,
// under each family's own names (Family::language_model).
class LanguageModelHead : public nn::Module {
 public:
  // Throws if the family has no such head.
  LanguageModelHead(nn::Module* parent, const ModelConfig& config);
  // x (rows, hidden): hidden states of the positions that are predicted; word_table (vocab_size,
  // hidden), which gets a gradient from here too -> (rows, vocab_size).
  Variable forward(const Variable& x, const nn::Parameter& word_table, const nn::Pass& pass);
  // Of the product with the table.
  void set_precision(Precision precision) { precision_ = precision; }

 private:
  nn::Linear dense_;
  nn::LayerNorm norm_;
  nn::Parameter bias_;  // (vocab_size)
  Activation activation_;
  Precision precision_ = Precision::fp32;
};

// One logit a token, above 0 for "replaced": classifier(act(dense(LayerNorm(h_first + h_i)))),
// h_first the hidden state of the sequence's first token, act the config's hidden_act: DeBERTaV3's
// "mask_predictions".
class ReplacedTokenHead : public nn::Module {
 public:
  ReplacedTokenHead(nn::Module* parent, const ModelConfig& config);
  // x (tokens, hidden) -> (tokens, 1)
  Variable forward(const Variable& x, const AttentionLayout& layout, const nn::Pass& pass);

 private:
  nn::LayerNorm norm_;
  nn::Linear dense_, classifier_;
  Activation activation_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
