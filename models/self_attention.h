// Self-attention of BERT and RoBERTa: three projections and attention within each sequence.
#pragma once

#include <optional>
#include <string>

#include "autograd/ops.h"
#include "models/config.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::models {

// What all layers read in one forward pass.
struct EncoderInput {
  AttentionLayout layout;
  Tensor first_tokens;  // I64 (sequences)
  Variable positions;   // DeBERTa: normalised rows of the position table in use, (rows, hidden);
                        // undefined for other families
  // On a GPU: the positions as this layer projects them, as queries and below them as keys, (2
  // rows, hidden). Undefined: the layer projects them itself.
  Variable tables;
};

// What the attention of one layer reads.
struct AttentionInput {
  // Keys and values are made of x (tokens, hidden). `queries` is x itself, or the row of each
  // sequence's first token, (sequences, hidden).
  const Variable& queries;
  const Variable& x;
  const EncoderInput& shared;
  const DeltaProduct* next = nullptr;  // the product that gets the context; null: another op
};

class SelfAttention : public nn::Module {
 public:
  // The three Linears are named query, key and value, each with this suffix ("_proj" in DeBERTa).
  SelfAttention(nn::Module* parent, std::string name, const ModelConfig& config,
                const std::string& suffix = "");

  // Returns the context, one row per query.
  virtual Variable forward(const AttentionInput& input, const nn::Pass& pass);

  // The one product that q, k and v are in this pass, for the norm before it; nothing: they are
  // products of their own.
  std::optional<DeltaProduct> product(const nn::Pass& pass);

  // Sets the precision of attention's products; fp32 unless set. The Linears have a precision of
  // their own.
  void set_precision(Precision precision) { precision_ = precision; }

 protected:
  // forward() with DeBERTa's position terms: the projected positions as keys and as queries, (rows,
  // hidden) each. An undefined one adds no term.
  Variable attend(const AttentionInput& input, const Variable& position_key,
                  const Variable& position_query, const nn::Pass& pass);

  // attend() with q, k and v as one product, and the position terms of the shared tables, if these
  // are defined. Undefined if product() has nothing.
  Variable attend_jointly(const AttentionInput& input, const nn::Pass& pass);

  nn::Linear query_, key_, value_;

 private:
  AttentionOptions options(const AttentionInput& input, const nn::Pass& pass) const;

  nn::JointProduct joint_;
  int64_t heads_;
  real scale_;
  nn::Dropout dropout_;  // of the probabilities
  Precision precision_ = Precision::fp32;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
