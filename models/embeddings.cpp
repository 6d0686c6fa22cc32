#include "models/embeddings.h"

#include <utility>

#include "autograd/ops.h"
#include "core/error.h"

namespace soragrad::models {

Embeddings::Embeddings(nn::Module* parent, std::string name, const ModelConfig& config,
                       const EmbeddingTables& tables)
    : Module(parent, std::move(name)),
      word_embeddings_(
          tables.words ? std::make_unique<nn::Embedding>(this, "word_embeddings", config.vocab_size,
                                                         config.hidden_size, config.pad_token_id)
                       : nullptr),
      position_embeddings_(tables.positions_and_types
                               ? std::make_unique<nn::Embedding>(
                                     this, "position_embeddings", config.max_position_embeddings,
                                     config.hidden_size, tables.position_padding_idx)
                               : nullptr),
      token_type_embeddings_(tables.positions_and_types
                                 ? std::make_unique<nn::Embedding>(this, "token_type_embeddings",
                                                                   config.type_vocab_size,
                                                                   config.hidden_size)
                                 : nullptr),
      reads_types_(tables.reads_types),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps),
      dropout_(this, "dropout", config.hidden_dropout_prob) {}

nn::Embedding& Embeddings::words() {
  require(word_embeddings_ != nullptr, "[embeddings] {} has no word table of its own.", path());
  return *word_embeddings_;
}

Variable Embeddings::forward(const Input& input, const Variable& words, const nn::Pass& pass,
                             const DeltaProduct* next) {
  const nn::ForwardSpan span(*this);
  if (!words.defined() && !token_type_embeddings_ && !pass.observe) {
    return norm_.forward_dropped(this->words().rows(input.input_ids), dropout_, pass, next);
  }
  Variable x = words.defined() ? words : this->words().forward(input.input_ids, pass);
  if (token_type_embeddings_) {
    const Tensor& ids = input.input_ids;
    const Tensor types = reads_types_ && input.token_type_ids.defined()
                             ? input.token_type_ids
                             : Tensor::zeros(ids.shape(), DType::i64, ids.device());
    x = add(x, token_type_embeddings_->forward(types, pass));
    x = add(x, position_embeddings_->forward(input.position_ids, pass));
  }
  if (!pass.observe) return norm_.forward_dropped(x, dropout_, pass, next);
  return observed(dropout_.forward(norm_.forward(x, pass), pass), pass);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
