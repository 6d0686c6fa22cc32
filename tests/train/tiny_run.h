// A tiny random BERT with data of its own, so that whole runs take a fraction of a second.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "models/load.h"
#include "nn/init.h"
#include "train/config.h"

namespace soragrad::test {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder with model/ and CoLA/, gone with the object.
struct TinyFolder {
  std::filesystem::path path;

  TinyFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "soragrad_XXXXXX").string();
    path = mkdtemp(name.data());
    write_model();
    std::filesystem::create_directories(path / "CoLA");
    write_rows("train.tsv", 44, 0);
    write_rows("dev.tsv", 21, 1000);
  }
  ~TinyFolder() { std::filesystem::remove_all(path); }
  TinyFolder(const TinyFolder&) = delete;
  TinyFolder& operator=(const TinyFolder&) = delete;

  std::string run(const std::string& name) const { return (path / name).string(); }

  train::Config config(const std::string& output, std::vector<std::string> arguments) const {
    train::Config config;
    for (const std::string& argument :
         {"model=" + (path / "model").string(), "data=" + path.string(), std::string("task=cola"),
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
    std::filesystem::create_directories(path / "model");
    const std::string config = R"({"model_type": "bert", "vocab_size": 13, "hidden_size": 16,
      "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
      "max_position_embeddings": 128, "type_vocab_size": 2, "hidden_act": "gelu",
      "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "num_labels": 2,
      "layer_norm_eps": 1e-12, "pad_token_id": 0, "initializer_range": 0.02})";
    std::ofstream(path / "model/config.json") << config;
    std::ofstream vocab(path / "model/vocab.txt");
    for (const char* word : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) vocab << word << "\n";
    for (const char* word : kWords) vocab << word << "\n";
    vocab.close();
    const auto model = models::make_model(models::read_config(path / "model"));
    for (nn::Parameter* parameter : model->parameters()) {
      const std::string name = parameter->path();
      const bool scale = name.ends_with("LayerNorm.weight");
      parameter->assign(scale ? Tensor::full(parameter->declared_shape(), 1)
                              : nn::normal(parameter->declared_shape(), 0.2, 3, name));
    }
    models::save_model(path / "model", *model);
  }

  // Rows are labelled by whether they hold "cat": something to learn.
  void write_rows(const char* name, int rows, uint32_t seed) const {
    std::ofstream file(path / "CoLA" / name);
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
      file << "tiny\t" << has_cat << "\t\t" << text << "\n";
    }
  }
};

}  // namespace soragrad::test
