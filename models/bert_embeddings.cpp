#include "models/bert_embeddings.h"

#include <utility>

#include "autograd/ops.h"

namespace soragrad::models {

BertEmbeddings::BertEmbeddings(nn::Module* parent, std::string name, const ModelConfig& config,
                               int64_t position_padding_idx)
    : Module(parent, std::move(name)),
      word_embeddings_(this, "word_embeddings", config.vocab_size, config.hidden_size,
                       config.pad_token_id),
      position_embeddings_(this, "position_embeddings", config.max_position_embeddings,
                           config.hidden_size, position_padding_idx),
      token_type_embeddings_(this, "token_type_embeddings", config.type_vocab_size,
                             config.hidden_size),
      norm_(this, "LayerNorm", config.hidden_size, config.layer_norm_eps),
      dropout_(this, "dropout", config.hidden_dropout_prob) {}

Variable BertEmbeddings::forward(const Tensor& input_ids, const Tensor& token_type_ids,
                                 const Tensor& position_ids, const nn::Pass& pass) {
  const nn::ForwardSpan span(*this);
  const Tensor types = token_type_ids.defined()
                           ? token_type_ids
                           : Tensor::zeros(input_ids.shape(), DType::i64, input_ids.device());
  const Variable words =
      add(word_embeddings_.forward(input_ids, pass), token_type_embeddings_.forward(types, pass));
  const Variable x = add(words, position_embeddings_.forward(position_ids, pass));
  return observed(dropout_.forward(norm_.forward(x, pass), pass), pass);
}

}  // namespace soragrad::models
