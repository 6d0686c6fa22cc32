// One post-LN transformer layer, as BERT, RoBERTa and DeBERTa have it:
//   a = LayerNorm(dropout(dense(attention(x))) + x)
//   y = LayerNorm(dropout(dense(activation(dense(a)))) + a)
#pragma once

#include <memory>
#include <string>

#include "models/self_attention.h"

namespace soragrad::models {

// Makes the attention of a layer, named attention.self.
using AttentionFactory = std::unique_ptr<SelfAttention> (*)(nn::Module* parent,
                                                            const ModelConfig& config);
template <typename Attention>
std::unique_ptr<SelfAttention> make_attention(nn::Module* parent, const ModelConfig& config) {
  return std::make_unique<Attention>(parent, "attention.self", config);
}

class TransformerLayer : public nn::Module {
 public:
  // Has the role nn::Role::layer; its six Linears have theirs.
  TransformerLayer(nn::Module* parent, std::string name, const ModelConfig& config,
                   AttentionFactory make_attention);

  // x (tokens, hidden) -> (tokens, hidden). With first_only -> (sequences, hidden): past keys and
  // values, only each sequence's first token is computed.
  // `links` are those of the last norm (autograd/ops.h, residual_layer_norm): with a filled state,
  // the layer computes what its gradients need and no more; `next` is the layer after this one's
  // product().
  Variable forward(const Variable& x, bool first_only, const EncoderInput& input,
                   const nn::Pass& pass, const NormLinks& links = {});
  SelfAttention& attention() { return *attention_; }
  // The one product that gets x, or nothing.
  std::optional<DeltaProduct> product(const nn::Pass& pass) { return attention_->product(pass); }

 private:
  std::unique_ptr<SelfAttention> attention_;
  nn::Linear attention_dense_;
  nn::LayerNorm attention_norm_;
  nn::Linear intermediate_;
  nn::Linear output_;
  nn::LayerNorm output_norm_;
  nn::Dropout attention_dropout_, output_dropout_;
  Activation activation_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
