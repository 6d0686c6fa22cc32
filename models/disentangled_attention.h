// Disentangled attention (He et al., "DeBERTa", 2021, section 3.1). The score of two tokens has up
// to three terms: content to content, content to position (c2p), position to content (p2c). With
// share_att_key, positions are projected by the tokens' own query_proj and key_proj, so an adapter
// on these acts on positions too.
#pragma once

#include "models/self_attention.h"

namespace soragrad::models {

class DisentangledAttention : public SelfAttention {
 public:
  DisentangledAttention(nn::Module* parent, std::string name, const ModelConfig& config);
  Variable forward(const AttentionInput& input, const nn::Pass& pass) override;

  // What projects the positions, after the dropout; for one product of all layers.
  struct Projection {
    nn::Linear *query, *key;
    double dropout;
    RandomStream stream;
  };
  // Nothing if forward() can make no use of that product in this pass.
  std::optional<Projection> projection(const nn::Pass& pass);

 private:
  bool c2p_, p2c_;
  nn::Dropout pos_dropout_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
