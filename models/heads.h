// Classification heads: from the first token's hidden state to the logits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "models/config.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::models {

class ClassifierHead {
 public:
  virtual ~ClassifierHead() = default;
  // x (sequences, hidden), the first tokens' hidden states -> logits, (sequences, num_labels).
  virtual Variable forward(const Variable& x, const nn::Pass& pass) = 0;
};

// y = activation(dense(dropout(x))): DeBERTa's ContextPooler (GELU) and BERT's pooler (tanh, no
// dropout). x, y (sequences, hidden).
class Pooler : public nn::Module {
 public:
  Pooler(nn::Module* parent, std::string name, int64_t hidden, double dropout,
         Activation activation);
  Variable forward(const Variable& x, const nn::Pass& pass);

 private:
  nn::Linear dense_;
  nn::Dropout dropout_;
  Activation activation_;
};

// What a PooledHead's pooler is: BERT's and DeBERTa's differ.
struct PoolerOptions {
  std::string name;  // path below the model: "pooler", "bert.pooler"
  double dropout = 0;
  Activation activation = Activation::tanh;
};

// DeBERTa and BERT: classifier(dropout(pooler(x))). The three modules are the parent's children.
class PooledHead : public ClassifierHead {
 public:
  PooledHead(nn::Module* parent, const ModelConfig& config, const PoolerOptions& pooler);
  Variable forward(const Variable& x, const nn::Pass& pass) override;

 private:
  Pooler pooler_;
  nn::Linear classifier_;
  nn::Dropout dropout_;
};

// RobertaClassificationHead, "classifier": out_proj(dropout(tanh(dense(dropout(x))))).
class RobertaHead : public nn::Module, public ClassifierHead {
 public:
  RobertaHead(nn::Module* parent, const ModelConfig& config);
  Variable forward(const Variable& x, const nn::Pass& pass) override;

 private:
  nn::Linear dense_, out_proj_;
  nn::Dropout dropout_, out_dropout_;  // one module in Hugging Face, run twice
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
