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
};

class SelfAttention : public nn::Module {
 public:
  // The three Linears are named query, key and value, each with this suffix ("_proj" in DeBERTa).
  SelfAttention(nn::Module* parent, std::string name, const ModelConfig& config,
                const std::string& suffix = "");

  // Returns the context, one row per query. Keys and values are made of x (tokens, hidden). queries
  // is x itself, or the row of each sequence's first token, (sequences, hidden).
  virtual Variable forward(const Variable& queries, const Variable& x, const EncoderInput& input,
                           const nn::Pass& pass);

  // The one product that forward() makes of q, k and v in this pass if all tokens are queries, for
  // the norm before it; nothing: it takes another way.
  std::optional<DeltaProduct> product(const nn::Pass& pass);

  // Sets the precision of the attention op on a GPU; fp32 unless set. The CPU always uses fp32. The
  // Linears have a precision of their own.
  void set_precision(Precision precision) { precision_ = precision; }

 protected:
  // forward() with DeBERTa's position terms: the projected positions as keys and as queries, (rows,
  // hidden) each. An undefined one adds no term.
  Variable attend(const Variable& queries, const Variable& x, const Variable& position_key,
                  const Variable& position_query, const EncoderInput& input, const nn::Pass& pass);

  // attend() with q, k, v and the position terms as one product each, if a GPU has it for this
  // pass. positions (rows, hidden) are not projected yet; undefined: no position terms. Undefined
  // if it has not.
  Variable attend_jointly(const Variable& x, const Variable& positions, const EncoderInput& input,
                          const nn::Pass& pass);

  nn::Linear query_, key_, value_;

 private:
  AttentionOptions options(const nn::Pass& pass, Device device) const;

  nn::JointProduct joint_;
  int64_t heads_;
  real scale_;
  nn::Dropout dropout_;  // of the probabilities
  Precision precision_ = Precision::fp32;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
