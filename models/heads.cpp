#include "models/heads.h"

#include <utility>

#include "autograd/ops.h"

namespace soragrad::models {

Pooler::Pooler(nn::Module* parent, std::string name, int64_t hidden, double dropout,
               Activation activation)
    : Module(parent, std::move(name)),
      dense_(this, "dense", hidden, hidden),
      dropout_(this, "dropout", dropout),
      activation_(activation) {
  set_role(nn::Role::head);
}

Variable Pooler::forward(const Variable& x, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable y = dense_.forward(dropout_.forward(x, pass), pass);
  return observed(activate(activation_, y), pass);
}

PooledHead::PooledHead(nn::Module* parent, const ModelConfig& config, const PoolerOptions& pooler)
    : pooler_(parent, pooler.name, config.hidden_size, pooler.dropout, pooler.activation),
      classifier_(parent, "classifier", config.hidden_size, config.num_labels),
      dropout_(parent, "dropout", config.head_dropout()) {
  classifier_.set_role(nn::Role::head);
}

Variable PooledHead::forward(const Variable& x, const nn::Pass& pass) {
  return classifier_.forward(dropout_.forward(pooler_.forward(x, pass), pass), pass);
}

RobertaHead::RobertaHead(nn::Module* parent, const ModelConfig& config)
    : Module(parent, "classifier"),
      dense_(this, "dense", config.hidden_size, config.hidden_size),
      out_proj_(this, "out_proj", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()),
      out_dropout_(this, "out_dropout", config.head_dropout()) {
  set_role(nn::Role::head);
}

Variable RobertaHead::forward(const Variable& x, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable hidden = soragrad::tanh(dense_.forward(dropout_.forward(x, pass), pass));
  return observed(out_proj_.forward(out_dropout_.forward(hidden, pass), pass), pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
