// Self-attention of BERT and RoBERTa: three projections and attention within each sequence.
#pragma once

#include <string>

#include "autograd/ops.h"
#include "models/config.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::models {

// What all layers of one forward pass share.
struct EncoderInput {
  AttentionLayout layout;
  Tensor first_tokens;  // I64 (sequences)
  Variable positions;   // DeBERTa: normalised rows of the position table in use, (rows, hidden)
};

class SelfAttention : public nn::Module {
 public:
  // Children are named query, key, value, each with this suffix ("_proj" in DeBERTa).
  SelfAttention(nn::Module* parent, std::string name, const ModelConfig& config,
                const std::string& suffix = "");

  // x (tokens, hidden) gives keys and values; queries is x, or the first token's row of each
  // sequence (sequences, hidden). -> the context, (queries, hidden).
  virtual Variable forward(const Variable& queries, const Variable& x, const EncoderInput& input,
                           const nn::Pass& pass);

  // Of attention itself on a GPU; its Linears have their own. The CPU has no use for bf16 here and
  // keeps to fp32.
  void set_precision(Precision precision) { precision_ = precision; }

 protected:
  // Where DeBERTa adds its position tables; undefined ones add no term.
  Variable attend(const Variable& queries, const Variable& x, const Variable& position_key,
                  const Variable& position_query, const EncoderInput& input, const nn::Pass& pass);

  nn::Linear query_, key_, value_;

 private:
  int64_t heads_;
  real scale_;
  nn::Dropout dropout_;  // of the probabilities
  Precision precision_ = Precision::fp32;
};

}  // namespace soragrad::models
