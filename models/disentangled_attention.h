// Disentangled attention (He et al., "DeBERTa", 2021, section 3.1): beside query and key, the
// projected relative positions score each pair of tokens. With share_att_key the positions pass
// through the same query_proj and key_proj as the tokens, and so through what a method attached.
#pragma once

#include "models/self_attention.h"

namespace soragrad::models {

class DisentangledAttention : public SelfAttention {
 public:
  DisentangledAttention(nn::Module* parent, std::string name, const ModelConfig& config);
  Variable forward(const Variable& queries, const Variable& x, const EncoderInput& input,
                   const nn::Pass& pass) override;

 private:
  bool c2p_, p2c_;
  nn::Dropout pos_dropout_;
};

}  // namespace soragrad::models
