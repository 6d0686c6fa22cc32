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
  // `state` is what the last norm's gradient reads (autograd/ops.h, residual_layer_norm): given
  // filled, the layer computes what its gradients need and no more.
  Variable forward(const Variable& x, bool first_only, const EncoderInput& input,
                   const nn::Pass& pass, NormState* state = nullptr);

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
