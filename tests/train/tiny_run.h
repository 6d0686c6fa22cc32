// A tiny random BERT with data of its own, so that whole runs take a fraction of a second.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/load.h"
#include "nn/init.h"
#include "tests/files.h"
#include "train/config/config.h"

namespace soragrad::test {

// A folder with model/ and CoLA/, gone with the object.
struct TinyFolder : TemporaryFolder {
  TinyFolder() {
    write_model();
    write_rows("CoLA/train.tsv", 44, 0);
    write_rows("CoLA/dev.tsv", 21, 1000);
  }

  std::string run(std::string_view name) const { return *this / name; }

  train::Config config(const std::string& output, std::vector<std::string> arguments) const {
    train::Config config;
    for (const std::string& argument :
         {"model=" + run("model"), "data=" + path().string(), std::string("task=cola"),
          "output=" + run(output), std::string("logging_steps=1"),
          std::string("per_device_train_batch_size=4"), std::string("num_train_epochs=2"),
          std::string("learning_rate=5e-3"), std::string("device=cpu")}) {
      train::set_argument(config, argument);
    }
    for (const std::string& argument : arguments) train::set_argument(config, argument);
    train::resolve(config);
    return config;
  }

 private:
  static constexpr const char* kWords[] = {"a", "cat", "dog", "sees", "the", "bird", "old", "runs"};

  void write_model() const {
    write("model/config.json", R"({"model_type": "bert", "vocab_size": 13, "hidden_size": 16,
      "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
      "max_position_embeddings": 128, "type_vocab_size": 2, "hidden_act": "gelu",
      "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "num_labels": 2,
      "layer_norm_eps": 1e-12, "pad_token_id": 0, "initializer_range": 0.02})");
    std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (const char* word : kWords) vocab += std::string(word) + "\n";
    write("model/vocab.txt", vocab);
    const auto model =
        std::make_unique<models::SequenceClassifier>(models::read_config(*this / "model"));
    for (nn::Parameter* parameter : model->parameters()) {
      const std::string name = parameter->path();
      const bool scale = name.ends_with("LayerNorm.weight");
      parameter->assign(scale ? Tensor::full(parameter->declared_shape(), 1)
                              : nn::normal(parameter->declared_shape(), 0.2, 3, name));
    }
    models::save_model(*this / "model", *model);
  }

  // Rows are labelled by whether they hold "cat": something to learn.
  void write_rows(const char* name, int rows, uint32_t seed) const {
    std::string file;
    uint32_t random = seed * 2654435761u + 12345;
    for (int row = 0; row < rows; ++row) {
      std::string text;
      bool has_cat = false;
      random = random * 1664525u + 1013904223u;
      const int length = 1 + static_cast<int>(random >> 29);
      for (int i = 0; i < length; ++i) {
        random = random * 1664525u + 1013904223u;
        const char* word = kWords[random >> 29];
        has_cat = has_cat || std::string(word) == "cat";
        if (i > 0) text += ' ';
        text += word;
      }
      file += fmt::format("tiny\t{:d}\t\t{}\n", has_cat, text);
    }
    write(name, file);
  }
};

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
