// A family is a row: one that is registered here loads, runs and is saved,
// though no other file knows its name.
#include "models/family.h"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/bert.h"
#include "models/load.h"
#include "models/pretraining.h"
#include "nn/init.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

// BERT under other names: backbone "tiny", a head of a single Linear, keys of its own.
class TinyHead : public ClassifierHead {
 public:
  TinyHead(nn::Module* parent, const ModelConfig& config)
      : score_(parent, "score", config.hidden_size, config.num_labels) {
    score_.set_role(nn::Role::head);
  }
  Variable forward(const Variable& x, const nn::Pass& pass) override {
    return score_.forward(x, pass);
  }

 private:
  nn::Linear score_;
};

class TinyBackbone : public Bert {
 public:
  TinyBackbone(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options)
      : Bert(parent, "tiny", config, {.words = options.word_table, .positions_and_types = true}) {}
};

constexpr std::array<std::string_view, 1> kUnused = {"pretraining."};

const Family kTiny = {
    .model_type = "tiny",
    .architecture = "TinyForSequenceClassification",
    .prefix = "tiny",
    .classifier = "score",
    .dropout_key = "score_dropout",
    .unused = kUnused,
    .set_defaults = set_bert_sizes,
    .read_keys = read_bert_keys,
    .write_keys = nullptr,
    .make_backbone = [](nn::Module* parent, const ModelConfig& config,
                        const BackboneOptions& options) -> std::unique_ptr<Backbone> {
      return std::make_unique<TinyBackbone>(parent, config, options);
    },
    .make_head = [](nn::Module* parent, const ModelConfig& config)
        -> std::unique_ptr<ClassifierHead> { return std::make_unique<TinyHead>(parent, config); }};

const Family& registered() {
  if (!find_family("tiny")) register_family(kTiny);
  return kTiny;
}

constexpr const char* kConfig = R"({"model_type": "tiny", "vocab_size": 11, "hidden_size": 8,
  "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "pad_token_id": 0,
  "max_position_embeddings": 16, "num_labels": 3, "score_dropout": 0.3})";

}  // namespace

TEST_CASE("family: a row of one's own loads, runs and is written back") {
  registered();
  CHECK(test::contains(family_names(), "tiny"));
  const ModelConfig config = parse_config(kConfig, "config.json");
  CHECK(config.family == &kTiny);
  CHECK(config.head_dropout() == 0.3);
  SequenceClassifier model(config);
  for (nn::Parameter* parameter : model.parameters()) {
    parameter->assign(nn::normal(parameter->declared_shape(), 0.2, 3, parameter->path()));
  }
  const test::TemporaryFolder folder;
  save_model(folder.path(), model);
  CHECK(test::contains(test::read_text(folder / "config.json"), "TinyForSequenceClassification"));
  const LoadedModel loaded = load_model(folder.path());
  CHECK(loaded.drawn.empty());
  struct {
    std::vector<int64_t> input_ids = {1, 5, 2}, token_type_ids, offsets = {0, 3};
  } batch;
  CHECK(loaded.model->forward(batch, {}).value().to_vector() ==
        model.forward(batch, {}).value().to_vector());
  CHECK(load_model(folder.path(), {.num_labels = 2}).drawn ==
        std::vector<std::string>{"score.weight", "score.bias"});
}

TEST_CASE("family: a row without a language model head is not pre-trained") {
  registered();
  const ModelConfig config = parse_config(kConfig, "config.json");
  CHECK(test::contains(test::message_of([&] { PretrainingModel(config, {}); }),
                       "model_type tiny has no language model head"));
  CHECK(test::contains(
      test::message_of([&] { PretrainingModel(config, {.objective = Objective::rtd}); }),
      "model_type is tiny"));
}

TEST_CASE("family: a name that is taken is refused, an unknown one lists the known") {
  registered();
  CHECK_THROWS_AS(register_family(kTiny), Error);
  const std::string message =
      test::message_of([] { parse_config(R"({"model_type": "gpt9"})", "config.json"); });
  CHECK(test::contains(message, "\"model_type\" is \"gpt9\"; known are deberta-v2, roberta, bert"));
}

TEST_CASE("family: the Linears of a layer have roles under every family's names") {
  const auto roles = layer_roles();
  const auto role = [&](const char* path) {
    const auto found = roles.find(path);
    return found == roles.end() ? nn::Role::none : found->second;
  };
  CHECK(role("attention.self.query_proj") == nn::Role::query);
  CHECK(role("attention.self.query") == nn::Role::query);
  CHECK(role("attention.self.key_proj") == nn::Role::key);
  CHECK(role("attention.self.value") == nn::Role::value);
  CHECK(role("attention.output.dense") == nn::Role::attention_output);
  CHECK(role("intermediate.dense") == nn::Role::intermediate);
  CHECK(role("output.dense") == nn::Role::output);
  CHECK(role("dense") == nn::Role::none);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
