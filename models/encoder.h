// The layers of a model, one after another.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/transformer_layer.h"

namespace soragrad::models {

class Encoder : public nn::Module {
 public:
  Encoder(nn::Module* parent, std::string name, const ModelConfig& config);

  // x (tokens, hidden) -> the last layer's rows of the first tokens, (sequences, hidden). Nothing
  // else of the last layer is computed unless the pass is observed.
  Variable forward(const Variable& x, const EncoderInput& input, const nn::Pass& pass);

 private:
  std::vector<std::unique_ptr<TransformerLayer>> layers_;
};

}  // namespace soragrad::models
