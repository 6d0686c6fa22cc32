#include "models/heads.h"

#include <utility>

#include "autograd/ops.h"
#include "core/error.h"

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

PooledHead::PooledHead(nn::Module* parent, const ModelConfig& config, const PoolerOptions& pooler)
    : pooler_(parent, pooler.name, config.hidden_size, pooler.dropout, pooler.activation),
      classifier_(parent, "classifier", config.hidden_size, config.num_labels),
      dropout_(parent, "dropout", config.head_dropout()) {}

Variable PooledHead::forward(const Variable& x, const nn::Pass& pass) {
  return classifier_.forward(dropout_.forward(pooler_.forward(x, pass), pass), pass);
}

RobertaHead::RobertaHead(nn::Module* parent, const ModelConfig& config)
    : Module(parent, "classifier"),
      dense_(this, "dense", config.hidden_size, config.hidden_size),
      out_proj_(this, "out_proj", config.hidden_size, config.num_labels),
      dropout_(this, "dropout", config.head_dropout()),
      out_dropout_(this, "out_dropout", config.head_dropout()) {}

Variable RobertaHead::forward(const Variable& x, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Variable hidden = soragrad::tanh(dense_.forward(dropout_.forward(x, pass), pass));
  return observed(out_proj_.forward(out_dropout_.forward(hidden, pass), pass), pass);
}

std::unique_ptr<ClassifierHead> make_head(nn::Module* parent, const ModelConfig& config) {
  switch (config.type) {
    case ModelType::deberta_v2:
      return std::make_unique<PooledHead>(
          parent, config, PoolerOptions{"pooler", config.pooler_dropout, config.pooler_act});
    case ModelType::roberta:
      return std::make_unique<RobertaHead>(parent, config);
    case ModelType::bert:
      return std::make_unique<PooledHead>(parent, config,
                                          PoolerOptions{"bert.pooler", 0, Activation::tanh});
  }
  fail("[make_head] unknown model type.");
}

}  // namespace soragrad::models
