// Whole runs of pre-training in a test's own process, and text and models for them.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/files.h"
#include "tests/train/whole_run.h"
#include "train/loop/pretrain_finish.h"
#include "train/loop/pretrainer.h"
#include "train/run/resume.h"

namespace soragrad::test {

// A corpus, a tiny BERT with a vocabulary of its words, and a tiny DeBERTaV3 with the quickstart's
// pieces; neither has weights.
struct TinyText : TemporaryFolder {
  TinyText() {
    std::string text;
    uint32_t random = 7;
    for (int line = 0; line < 400; ++line) {
      for (int word = 0; word < 9; ++word) {
        random = random * 1664525u + 1013904223u;
        text += "w" + std::to_string((random >> 24) % 60) + (word == 8 ? "\n" : " ");
      }
      if (line % 20 == 19) text += "\n";
    }
    write("corpus.txt", text);
    write("validation.txt", text.substr(0, 2000));
    std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < 60; ++i) vocab += "w" + std::to_string(i) + "\n";
    write("bert/vocab.txt", vocab);
    write("bert/config.json", R"({"model_type": "bert", "vocab_size": 65, "hidden_size": 16,
      "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
      "max_position_embeddings": 32, "type_vocab_size": 2, "initializer_range": 0.1})");
    write("deberta/config.json", R"({"model_type": "deberta-v2", "vocab_size": 604,
      "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
      "intermediate_size": 24, "max_position_embeddings": 32, "type_vocab_size": 0,
      "relative_attention": true, "share_att_key": true, "position_buckets": 4,
      "max_relative_positions": -1, "pos_att_type": ["c2p", "p2c"],
      "position_biased_input": false, "norm_rel_ebd": "layer_norm", "initializer_range": 0.1})");
    for (const char* file : {"spm.model", "tokenizer_config.json"}) {
      std::filesystem::copy(SORAGRAD_SOURCE_DIR "/examples/quickstart/model/" + std::string(file),
                            *this / "deberta");
    }
  }

  // A short run of the model `family` with the arguments beside its own.
  train::Config config(const std::string& output, const std::vector<std::string>& arguments,
                       const std::string& family = "bert") const {
    train::Config config;
    config.verb = train::Verb::pretrain;
    std::vector<std::string> all{"model=" + (*this / family).string(),
                                 "corpus=" + (*this / "corpus.txt").string(),
                                 "validation_corpus=" + (*this / "validation.txt").string(),
                                 "output=" + (*this / output).string(),
                                 "max_steps=12",
                                 "max_seq_length=24",
                                 "per_device_train_batch_size=4",
                                 "gradient_accumulation_steps=2",
                                 "eval_steps=5",
                                 "save_steps=5",
                                 "save_total_limit=0",
                                 "logging_steps=1",
                                 "learning_rate=1e-2",
                                 "max_grad_norm=1",
                                 "device=cpu"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    for (const std::string& argument : all) train::set_argument(config, argument);
    train::resolve_pretraining(config);
    return config;
  }
};

inline nlohmann::json pretrain_to_end(const train::Config& config) {
  const auto session = train::open_pretrain_session(config, quiet);
  train::RunFolder folder = train::RunFolder::create(config.output, session->config);
  train::Pretrainer trainer(*session, folder);
  REQUIRE(trainer.run());
  return train::finish_pretraining(*session, folder, trainer, {"0", "test"});
}

// `before` is called when the session is open and before the first step.
inline nlohmann::json resume_pretraining(
    const std::string& path, const std::function<void()>& before = [] {},
    const train::ResumeRequest& request = {}) {
  train::RunFolder folder = train::RunFolder::open(path, true);
  const train::PretrainResume resume = train::prepare_pretrain_resume(folder, request, quiet);
  const auto session = train::open_pretrain_session(resume.config, quiet, !resume.checkpoint);
  train::Pretrainer trainer(*session, folder, resume.checkpoint);
  train::write_record(folder, resume.record, quiet);
  before();
  const bool is_complete = trainer.run();  // may throw what the caller expects
  REQUIRE(is_complete);
  return train::finish_pretraining(*session, folder, trainer, {"0", "test"});
}

// A copy of a finished run as it was at `step`, without the checkpoints after it.
inline std::string copy_at(const std::string& run, int64_t step) {
  std::string copy = run + "-again";
  std::filesystem::copy(run, copy, std::filesystem::copy_options::recursive);
  std::filesystem::remove(copy + "/results.json");
  std::filesystem::remove_all(copy + "/final");
  for (const int64_t saved : train::RunFolder::open(copy, false).checkpoints()) {
    if (saved > step)
      std::filesystem::remove_all(copy + "/checkpoints/step-" + std::to_string(saved));
  }
  return copy;
}

inline std::string weights_of(const std::string& run) {
  return read_text(run + "/final/model.safetensors");
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
