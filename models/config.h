// ModelConfig: what config.json of a Hugging Face model folder says. Missing keys have the defaults
// of Hugging Face's configuration classes (transformers 4.46). A key that asks for something the
// library does not compute is refused by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "nn/activation.h"

namespace soragrad::models {

struct Family;
using nn::Activation;

struct ModelConfig {
  const Family* family = nullptr;  // of model_type
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t layers = 0;  // num_hidden_layers
  int64_t heads = 0;   // num_attention_heads
  int64_t intermediate_size = 0;
  int64_t max_position_embeddings = 512;
  int64_t type_vocab_size = 0;
  int64_t pad_token_id = 0;  // its rows of the embedding tables get no gradient; -1: none
  double layer_norm_eps = 1e-7;
  double initializer_range = 0.02;
  Activation hidden_act = Activation::gelu;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  // classifier_dropout (RoBERTa, BERT) or cls_dropout (DeBERTa); none: hidden_dropout_prob.
  std::optional<double> classifier_dropout = {};

  // DeBERTa
  int64_t position_buckets = -1;  // below 1: no buckets, plain distances
  int64_t max_relative_positions = 512;
  bool c2p = false, p2c = false;  // pos_att_type
  double pooler_dropout = 0;
  Activation pooler_act = Activation::gelu;

  int64_t num_labels = 2;
  std::vector<std::string> label_names = {};  // id2label; empty: LABEL_0, ...
  std::string problem_type = {};              // "" (undecided), or as Hugging Face names it

  // Text of the file: to_json() keeps its other keys. Empty: made in a program.
  std::string source = {};

  int64_t head_size() const { return hidden_size / heads; }
  double head_dropout() const { return classifier_dropout.value_or(hidden_dropout_prob); }
  // Half the rows of the relative position table.
  int64_t relative_span() const {
    return position_buckets > 0 ? position_buckets : max_relative_positions;
  }
};

// Reads FOLDER/config.json, of at most 16 MiB. Throws naming the file and the key.
ModelConfig read_config(const std::filesystem::path& folder);
// The same from a text; messages name it `where`.
ModelConfig parse_config(std::string_view text, const std::string& where);

// Makes the model one of num_labels classes, or of one score. Forgets the names of the classes
// unless their number stays. Throws if num_labels is below 1, or not 1 for regression.
void set_labels(ModelConfig& config, int64_t num_labels, bool regression);

// The text of a config.json for the model: the keys of `source`, with labels, architectures and
// dtype of the model as save_model() writes it. Keys are sorted, as Hugging Face writes them.
std::string to_json(const ModelConfig& config);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
