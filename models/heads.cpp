#include "models/heads.h"

#include <utility>

#include "autograd/ops.h"

namespace soragrad::models {

Pooler::Pooler(nn::Module* parent, std::string name, int64_t hidden, double dropout,
               Activation activation)
    : Module(parent, std::move(name)),
      dense_(this, "dense", hidden, hidden),
      dropout_(this, "dropout", dropout),
      activation_(activation) {}

Variable Pooler::forward(const Variable& x, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable y = dense_.forward(dropout_.forward(x, pass), pass);
  return observed(activate(activation_, y), pass);
}

RobertaHead::RobertaHead(nn::Module* parent, std::string name, const ModelConfig& config)
    : Module(parent, std::move(name)),
      dense_(this, "dense", config.hidden_size, config.hidden_size),
      out_proj_(this, "out_proj", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()),
      out_dropout_(this, "out_dropout", config.head_dropout()) {}

Variable RobertaHead::forward(const Variable& x, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable hidden = soragrad::tanh(dense_.forward(dropout_.forward(x, pass), pass));
  return observed(out_proj_.forward(out_dropout_.forward(hidden, pass), pass), pass);
}

}  // namespace soragrad::models
