// A small module tree with the names of DeBERTa's, or RoBERTa's: enough to attach methods to, to
// run and to train.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::sora {

constexpr int64_t kHidden = 8, kIntermediate = 12, kLabels = 2;

struct ToyLayer : nn::Module {
  nn::Module attention{this, "attention"};
  nn::Module self{&attention, "self"};
  nn::Linear query, key, value;
  nn::Module attention_output{&attention, "output"};
  nn::Linear attention_dense{&attention_output, "dense", kHidden, kHidden};
  nn::LayerNorm attention_norm{&attention_output, "LayerNorm", kHidden, 1e-7};
  nn::Module intermediate{this, "intermediate"};
  nn::Linear intermediate_dense{&intermediate, "dense", kHidden, kIntermediate};
  nn::Module output{this, "output"};
  nn::Linear output_dense{&output, "dense", kIntermediate, kHidden};
  nn::LayerNorm output_norm{&output, "LayerNorm", kHidden, 1e-7};

  ToyLayer(nn::Module* parent, std::string name, bool deberta)
      : Module(parent, std::move(name)),
        query(&self, deberta ? "query_proj" : "query", kHidden, kHidden),
        key(&self, deberta ? "key_proj" : "key", kHidden, kHidden),
        value(&self, deberta ? "value_proj" : "value", kHidden, kHidden) {
    set_role(nn::Role::layer);
    query.set_role(nn::Role::query);
    key.set_role(nn::Role::key);
    value.set_role(nn::Role::value);
    attention_dense.set_role(nn::Role::attention_output);
    intermediate_dense.set_role(nn::Role::intermediate);
    output_dense.set_role(nn::Role::output);
  }

  Variable forward(const Variable& x, const nn::Pass& pass) {
    const Variable mixed =
        add(tanh(query.forward(x, pass)), mul(tanh(key.forward(x, pass)), value.forward(x, pass)));
    const Variable h = attention_norm.forward(add(attention_dense.forward(mixed, pass), x), pass);
    const Variable wide = gelu(intermediate_dense.forward(h, pass));
    return output_norm.forward(add(output_dense.forward(wide, pass), h), pass);
  }
};

struct ToyModel : nn::Module {
  nn::Module base, embeddings{&base, "embeddings"};
  nn::LayerNorm embeddings_norm{&embeddings, "LayerNorm", kHidden, 1e-7};
  nn::Module encoder{&base, "encoder"};
  nn::Module layer{&encoder, "layer"};
  std::vector<std::unique_ptr<ToyLayer>> layers;
  nn::Module pooler{this, "pooler"};
  nn::Linear pooler_dense{&pooler, "dense", kHidden, kHidden};
  nn::Linear classifier{this, "classifier", kHidden, kLabels};

  explicit ToyModel(bool deberta = true) : base(this, deberta ? "deberta" : "roberta") {
    pooler.set_role(nn::Role::head);
    classifier.set_role(nn::Role::head);
    for (int i = 0; i < 2; ++i) {
      layers.push_back(std::make_unique<ToyLayer>(&layer, std::to_string(i), deberta));
    }
    for_each_parameter([](nn::Parameter& parameter) {
      const bool one = parameter.path().ends_with("LayerNorm.weight");
      parameter.assign(one ? Tensor::full(parameter.declared_shape(), 1)
                           : nn::normal(parameter.declared_shape(), 0.3, 5, parameter.path()));
    });
  }

  // x (rows, hidden) -> (rows, labels).
  Variable forward(const Variable& x, const nn::Pass& pass) {
    Variable h = embeddings_norm.forward(x, pass);
    for (const auto& each : layers) h = each->forward(h, pass);
    return classifier.forward(gelu(pooler_dense.forward(h, pass)), pass);
  }

  std::vector<real> logits() {
    const NoGrad no_grad;
    const Variable x(nn::normal({5, kHidden}, 1, 9, "x"));
    return forward(x, {}).value().to_vector();
  }

  // Mean cross-entropy of five fixed rows.
  Variable loss(const nn::Pass& pass = {.training = true}) {
    const Variable x(nn::normal({5, kHidden}, 1, 9, "x"));
    const Tensor labels = Tensor::from(std::vector<int64_t>{0, 1, 1, 0, 1}, {5});
    return cross_entropy(forward(x, pass), labels);
  }
};

inline std::vector<nn::Parameter*> trained_parameters(nn::Module& model) {
  std::vector<nn::Parameter*> trained;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    if (parameter.requires_grad()) trained.push_back(&parameter);
  });
  return trained;
}

inline void fill(nn::Parameter& parameter, double deviation, uint64_t seed) {
  parameter.value().copy_from(
      nn::normal(parameter.declared_shape(), deviation, seed, parameter.path()));
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
