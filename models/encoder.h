// The layers of a model, one after another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "models/transformer_layer.h"

namespace soragrad::models {

// Whose hidden states an encoder returns: of every token, or of each sequence's first token.
enum class OutputTokens : uint8_t { all, first };

class Encoder : public nn::Module {
 public:
  // config.layers layers named layer.0, layer.1, ..., each with an attention of this kind.
  Encoder(nn::Module* parent, std::string name, const ModelConfig& config,
          AttentionFactory make_attention = models::make_attention<SelfAttention>);

  // x (tokens, hidden), the embedding output -> the last layer's rows, (tokens, hidden) or for
  // OutputTokens::first (sequences, hidden). In the latter case the last layer computes only the
  // first tokens past keys and values, unless the pass is observed. `tables` are EncoderInput's,
  // one for each layer, or none.
  Variable forward(const Variable& x, const EncoderInput& input, OutputTokens tokens,
                   const nn::Pass& pass, std::span<const Variable> tables = {});
  // The product of x that forward() begins with, if this pass has one.
  std::optional<DeltaProduct> first_product(const nn::Pass& pass);

 protected:
  const std::vector<std::unique_ptr<TransformerLayer>>& layers() const { return layers_; }

 private:
  std::vector<std::unique_ptr<TransformerLayer>> layers_;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
