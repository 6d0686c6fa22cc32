#include "nn/layers.h"

#include <utility>

#include "core/allowed_values.h"
#include "core/error.h"

namespace soragrad::nn {

Embedding::Embedding(Module* parent, std::string name, int64_t rows, int64_t hidden,
                     int64_t padding_idx)
    : Module(parent, std::move(name)),
      weight(this, "weight", {rows, hidden}),
      padding_idx_(padding_idx) {}

Variable Embedding::forward(const Tensor& ids, const Pass& pass) {
  const ForwardSpan span(*this);
  return observed(embedding(ids, weight, padding_idx_), pass);
}

Dropout::Dropout(Module* parent, std::string name, double p)
    : Module(parent, std::move(name)), p_(p) {
  require(p >= 0 && p < 1, "[{}] the probability is {}; it must be in [0, 1).", this->name(), p);
}

// The path is known only once all parents are constructed, so its hash is computed at the first
// use.
RandomStream Dropout::stream(const Pass& pass) const {
  if (site_ == 0) site_ = random_site(path());
  return pass.stream(site_);
}

Variable Dropout::forward(const Variable& x, const Pass& pass) const {
  const ForwardSpan span(*this);
  return dropout(x, probability(pass), stream(pass));
}

LayerNorm::LayerNorm(Module* parent, std::string name, int64_t hidden, double eps)
    : Module(parent, std::move(name)),
      weight(this, "weight", {hidden}),
      bias(this, "bias", {hidden}),
      eps_(eps) {
  require_range("layer_norm_eps", eps, ranges::kNotNegative);
}

Variable LayerNorm::forward(const Variable& x, const Pass& pass) {
  const ForwardSpan span(*this);
  return observed(layer_norm(x, weight, bias, eps_), pass);
}

Variable LayerNorm::forward_dropped(const Variable& x, const Dropout& dropout, const Pass& pass,
                                    const DeltaProduct* next) {
  const ForwardSpan span(*this);
  return dropped_layer_norm(x, weight, bias, eps_, dropout.probability(pass), dropout.stream(pass),
                            next);
}

Variable LayerNorm::forward_dropped(const TableRows& x, const Dropout& dropout, const Pass& pass,
                                    const DeltaProduct* next) {
  const ForwardSpan span(*this);
  return dropped_layer_norm(x, weight, bias, eps_, dropout.probability(pass), dropout.stream(pass),
                            next);
}

Variable LayerNorm::forward(const TableRows& x) {
  const ForwardSpan span(*this);
  return dropped_layer_norm(x, weight, bias, eps_, 0, {});
}

Variable LayerNorm::forward(const Variable& x, const Dropout& dropout, const Variable& residual,
                            const Pass& pass, const NormLinks& links) {
  const ForwardSpan span(*this);
  return observed(residual_layer_norm(x, residual, weight, bias, eps_, dropout.probability(pass),
                                      dropout.stream(pass), links),
                  pass);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
