// Embeddings of BERT and RoBERTa: LayerNorm(word + token type + position).
#pragma once

#include <string>

#include "models/config.h"
#include "nn/layers.h"

namespace soragrad::models {

class BertEmbeddings : public nn::Module {
 public:
  // The position table's row position_padding_idx gets no gradient (-1: none such).
  BertEmbeddings(nn::Module* parent, std::string name, const ModelConfig& config,
                 int64_t position_padding_idx);
  // All I64 (tokens); token_type_ids undefined: all 0. -> (tokens, hidden)
  Variable forward(const Tensor& input_ids, const Tensor& token_type_ids,
                   const Tensor& position_ids, const nn::Pass& pass);

 private:
  nn::Embedding word_embeddings_, position_embeddings_, token_type_embeddings_;
  nn::LayerNorm norm_;
  nn::Dropout dropout_;
};

}  // namespace soragrad::models
