// What stands between the first token's hidden state and the logits.
#pragma once

#include <string>

#include "models/config.h"
#include "nn/layers.h"
#include "nn/linear.h"

namespace soragrad::models {

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

// RobertaClassificationHead: out_proj(dropout(tanh(dense(dropout(x))))), "classifier".
// x (sequences, hidden) -> (sequences, num_labels).
class RobertaHead : public nn::Module {
 public:
  RobertaHead(nn::Module* parent, std::string name, const ModelConfig& config);
  Variable forward(const Variable& x, const nn::Pass& pass);

 private:
  nn::Linear dense_, out_proj_;
  nn::Dropout dropout_, out_dropout_;  // one module in Hugging Face, run twice
};

}  // namespace soragrad::models
