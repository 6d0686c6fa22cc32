// Strict loading: one line lists missing, unexpected and mis-shaped keys; heads of other tasks are
// drawn anew; extra keys of published checkpoints are ignored. Files are made from the golden
// models.
#include "models/load.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/labels.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/linear.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

namespace fs = std::filesystem;
using test::contains;

const fs::path kGoldenFolder = fs::path(SORAGRAD_SOURCE_DIR) / "tests/golden/models";

// A copy of a golden model whose tensors can be changed before it is written.
struct ModelFolder : test::TemporaryFolder {
  struct Values {
    std::vector<int64_t> sizes;
    std::vector<float> elements;
  };

  explicit ModelFolder(const std::string& golden) {
    fs::copy_file(kGoldenFolder / golden / "config.json", *this / "config.json");
    const nn::Checkpoint checkpoint = nn::open_checkpoint(kGoldenFolder / golden);
    for (const nn::StoredTensor& tensor : checkpoint.tensors()) {
      Values& values = tensors[tensor.name];
      values.sizes = tensor.sizes;
      values.elements.resize(static_cast<size_t>(tensor.numel()));
      nn::copy_to(tensor, std::span<float>(values.elements));
    }
  }
  void add(const std::string& name, std::vector<int64_t> sizes) {
    int64_t count = 1;
    for (const int64_t size : sizes) count *= size;
    tensors[name] = {std::move(sizes), std::vector<float>(static_cast<size_t>(count), 0.5f)};
  }
  LoadedModel load(const LoadOptions& options = {}) const {
    nn::SafetensorsWriter writer;
    for (const auto& [name, values] : tensors) {
      writer.add(name, values.sizes, std::span<const float>(values.elements));
    }
    writer.write(*this / "model.safetensors");
    return load_model(path(), options);
  }
  // The message of the Error that loading throws; empty where it throws none.
  std::string refusal() const {
    return test::message_of([&] { load(); });
  }

  std::map<std::string, Values> tensors;
};

std::vector<real> values_of(SequenceClassifier& model, const std::string& path) {
  nn::Parameter* parameter = model.find_parameter(path);
  REQUIRE(parameter != nullptr);
  return parameter->value().to_vector();
}

}  // namespace

TEST_CASE("load_model: everything that does not fit is listed together") {
  ModelFolder folder("deberta_buckets");
  folder.tensors.erase("deberta.encoder.layer.1.output.dense.bias");
  folder.tensors.erase("deberta.embeddings.word_embeddings.weight");
  folder.add("deberta.encoder.layer.2.output.dense.bias", {9});
  folder.add("deberta.encoder.LayerNorm.bias", {10});
  folder.add("pooler.dense.weight", {9, 8});
  const std::string message = folder.refusal();
  CAPTURE(message);
  CHECK(contains(message, "model.safetensors]"));
  CHECK(contains(message,
                 "2 missing (deberta.embeddings.word_embeddings.weight, "
                 "deberta.encoder.layer.1.output.dense.bias)"));
  CHECK(contains(message, "1 unexpected (deberta.encoder.layer.2.output.dense.bias)"));
  CHECK(contains(message,
                 "2 mis-shaped (deberta.encoder.LayerNorm.bias is (10) instead of (9), ...)"));
  CHECK_FALSE(contains(message, "\n"));
}

TEST_CASE("load_model: ten names of a kind, then a count") {
  ModelFolder folder("deberta_c2p");
  for (char c = 'a'; c <= 'o'; ++c) folder.add(std::string("foreign.") + c, {1});
  const std::string message = folder.refusal();
  CAPTURE(message);
  CHECK(contains(message, "15 unexpected (foreign.a, "));
  CHECK(contains(message, "foreign.j, ...)"));
  CHECK_FALSE(contains(message, "foreign.k"));
}

TEST_CASE("load_model: known extras of published files are ignored") {
  ModelFolder deberta("deberta_c2p");
  for (const char* name :
       {"deberta.embeddings.position_embeddings.weight", "deberta.embeddings.position_ids",
        "deberta.embeddings.word_embeddings._weight", "lm_predictions.lm_head.bias",
        "mask_predictions.classifier.weight"}) {
    deberta.add(name, {3});
  }
  CHECK(deberta.refusal() == "");
  ModelFolder roberta("roberta");
  for (const char* name :
       {"lm_head.bias", "roberta.pooler.dense.weight", "roberta.embeddings.position_ids"}) {
    roberta.add(name, {3});
  }
  CHECK(roberta.refusal() == "");
  ModelFolder bert("bert");
  for (const char* name : {"cls.predictions.bias", "cls.seq_relationship.weight"}) {
    bert.add(name, {3});
  }
  CHECK(bert.refusal() == "");
  bert.add("roberta.pooler.dense.weight", {3});
  CHECK(contains(bert.refusal(), "1 unexpected (roberta.pooler.dense.weight)"));
}

TEST_CASE("load_model: an absent head is drawn from the seed and named") {
  ModelFolder folder("deberta_c2p");
  for (const char* name :
       {"pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"}) {
    folder.tensors.erase(name);
  }
  const LoadedModel a = folder.load({.seed = 1}), b = folder.load({.seed = 1});
  const LoadedModel c = folder.load({.seed = 2});
  CHECK(a.drawn == std::vector<std::string>{"pooler.dense.weight", "pooler.dense.bias",
                                            "classifier.weight", "classifier.bias"});
  CHECK(contains(drawn_line(a, 1), "classifier.weight"));
  const auto weight = values_of(*a.model, "pooler.dense.weight");
  CHECK(weight == values_of(*b.model, "pooler.dense.weight"));
  CHECK(weight != values_of(*c.model, "pooler.dense.weight"));
  const auto bias = values_of(*a.model, "pooler.dense.bias");
  CHECK(std::all_of(bias.begin(), bias.end(), [](real x) { return x == 0; }));
  real largest = 0;
  for (const real x : weight) largest = std::max(largest, std::abs(x));
  CHECK(largest > 0.01);  // 64 draws from N(0, 0.02^2)
  CHECK(largest < 0.1);
}

TEST_CASE("load_model: another number of labels draws the classifier alone") {
  ModelFolder folder("deberta_buckets");  // 3 labels
  const LoadedModel two = folder.load({.num_labels = 2});
  CHECK(two.drawn == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(two.model->config().num_labels == 2);
  CHECK(folder.load({.num_labels = 3}).drawn.empty());
  ModelFolder roberta("roberta");
  CHECK(roberta.load({.num_labels = 1, .regression = true}).drawn ==
        std::vector<std::string>{"classifier.out_proj.weight", "classifier.out_proj.bias"});
  // A bias that contradicts its weight is no other head.
  folder.add("classifier.bias", {2});
  CHECK(contains(folder.refusal(), "classifier.bias is (2) instead of (3)"));
}

TEST_CASE("load_model: a head with the task's rows under names of another number is refused") {
  ModelFolder folder("deberta_buckets");  // 3 labels
  const fs::path path = folder / "config.json";
  nlohmann::json config = nlohmann::json::parse(test::read_text(path));
  config["id2label"] = {{"0", "a"}, {"1", "b"}};
  folder.write("config.json", config.dump());
  CHECK(contains(test::message_of([&] {
                   folder.load({.labels = {"x", "y", "z"}});
                 }),
                 "classifier.weight has 3 rows, but config.json names 2 labels (a, b)"));
  CHECK(folder.load({.labels = {"w", "x", "y", "z"}}).drawn.size() == 2);
}

TEST_CASE("load_model: a task's classes are found by name, in the model's order") {
  ModelFolder folder("deberta_buckets");  // 3 labels
  const std::vector<std::string> task = {"entailment", "neutral", "contradiction"};
  const auto set_names = [&](const nlohmann::json& names) {
    const fs::path path = folder / "config.json";
    nlohmann::json config = nlohmann::json::parse(test::read_text(path));
    config["id2label"] = names;
    folder.write("config.json", config.dump());
  };
  const auto names_of = [](const LoadedModel& loaded) {
    return loaded.model->config().label_names;
  };
  set_names({{"0", "CONTRADICTION"}, {"1", "Neutral"}, {"2", "entailment"}});
  const LoadedModel same = folder.load({.labels = task});
  CHECK(same.drawn.empty());
  CHECK(same.other_labels.empty());
  CHECK(names_of(same) == std::vector<std::string>{"contradiction", "neutral", "entailment"});
  CHECK(class_map(names_of(same), task)[0] == 2);
  // No names: the task's order, and its names when the model is written.
  set_names({{"0", "LABEL_0"}, {"1", "label_1"}, {"2", "LABEL_2"}});
  const LoadedModel unnamed = folder.load({.labels = task});
  CHECK(unnamed.drawn.empty());
  CHECK(names_of(unnamed) == task);
  const nlohmann::json written = nlohmann::json::parse(to_json(unnamed.model->config()));
  CHECK(written["id2label"]["2"] == "contradiction");
  CHECK(written["label2id"]["contradiction"] == 2);
  // Another set of as many names: another head.
  set_names({{"0", "joy"}, {"1", "anger"}, {"2", "fear"}});
  const LoadedModel other = folder.load({.labels = task});
  CHECK(other.drawn == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(other.other_labels == std::vector<std::string>{"joy", "anger", "fear"});
  CHECK(names_of(other) == task);
  CHECK(contains(drawn_line(other, 42), "joy, anger, fear"));
  CHECK(contains(drawn_line(other, 42), "entailment, neutral, contradiction"));
}

TEST_CASE("load_model: rows of the head follow the names into the task's order if asked to") {
  ModelFolder folder("bert");
  auto config = nlohmann::json::parse(test::read_text(folder / "config.json"));
  config["id2label"] = {{"0", "a"}, {"1", "b"}, {"2", "c"}};
  folder.write("config.json", config.dump());
  const int64_t width = config["hidden_size"];
  folder.add("classifier.weight", {3, width});
  folder.add("classifier.bias", {3});
  for (size_t row = 0; row < 3; ++row) {
    folder.tensors["classifier.bias"].elements[row] = static_cast<float>(row);
    std::fill_n(folder.tensors["classifier.weight"].elements.begin() +
                    static_cast<std::ptrdiff_t>(row) * width,
                width, static_cast<float>(10 * row));
  }
  const LoadedModel loaded = folder.load({.labels = {"c", "a", "b"}, .takes_task_order = true});
  CHECK(loaded.model->config().label_names == std::vector<std::string>{"c", "a", "b"});
  CHECK(loaded.model->find_parameter("classifier.bias")->value().to_vector() ==
        std::vector<real>{2, 0, 1});
  const auto weight = loaded.model->find_parameter("classifier.weight")->value().to_vector();
  CHECK(weight.front() == 20);
  CHECK(weight[static_cast<size_t>(width)] == 0);
  CHECK(weight.back() == 10);
}

TEST_CASE("load_model: prefixes of torch's wrappers are left out, with a line") {
  ModelFolder folder("bert");
  const auto values = values_of(*folder.load().model, "classifier.weight");
  std::map<std::string, ModelFolder::Values> wrapped;
  for (auto& [name, tensor] : folder.tensors) wrapped["_orig_mod.module." + name] = tensor;
  folder.tensors = wrapped;
  const LoadedModel loaded = folder.load();
  CHECK(loaded.drawn.empty());
  REQUIRE(loaded.notes.size() == 1);
  CHECK(contains(loaded.notes[0], "_orig_mod.module."));
  CHECK(values_of(*loaded.model, "classifier.weight") == values);
  folder.add("classifier.bias", {2});  // not every name has the prefix
  CHECK(contains(folder.refusal(), "unexpected"));
}

TEST_CASE("load_model: a file of the bare encoder") {
  ModelFolder folder("bert");
  std::map<std::string, ModelFolder::Values> bare;
  for (auto& [name, values] : folder.tensors) {
    if (name.starts_with("bert.")) bare[name.substr(5)] = values;
  }
  folder.tensors = bare;
  const LoadedModel loaded = folder.load();
  CHECK(loaded.drawn == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(values_of(*loaded.model, "bert.pooler.dense.weight") ==
        std::vector<real>(bare["pooler.dense.weight"].elements.begin(),
                          bare["pooler.dense.weight"].elements.end()));
}

TEST_CASE("load_model: a file that is cut short or absent") {
  const ModelFolder folder("roberta");
  folder.load();
  const fs::path file = folder / "model.safetensors";
  fs::resize_file(file, fs::file_size(file) - 1);
  CHECK_THROWS_AS(load_model(folder.path()), Error);
  fs::remove(file);
  CHECK_THROWS_AS(load_model(folder.path()), Error);
  fs::remove(folder / "config.json");
  CHECK_THROWS_AS(load_model(folder.path()), Error);
}

TEST_CASE("load_model: dropouts can be set") {
  const ModelFolder folder("deberta_c2p");
  const LoadedModel loaded = folder.load({.hidden_dropout_prob = 0.0,
                                          .attention_probs_dropout_prob = 0.25,
                                          .classifier_dropout = 0.5});
  CHECK(loaded.model->config().hidden_dropout_prob == 0);
  CHECK(loaded.model->config().attention_probs_dropout_prob == 0.25);
  CHECK(loaded.model->config().head_dropout() == 0.5);
}

TEST_CASE("save_model: what is saved loads with the same values and keys") {
  const ModelFolder folder("deberta_buckets");
  const LoadedModel loaded = folder.load({.num_labels = 4, .seed = 3});
  const fs::path target = folder / "saved/model";
  save_model(target, *loaded.model);
  const LoadedModel again = load_model(target);
  CHECK(again.drawn.empty());
  CHECK(again.model->config().num_labels == 4);
  int parameters = 0;
  loaded.model->for_each_parameter([&](nn::Parameter& parameter) {
    CHECK(parameter.value().to_vector() == values_of(*again.model, parameter.path()));
    ++parameters;
  });
  CHECK(parameters == 42);
}

TEST_CASE("save_model: a model with a delta is refused") {
  struct Nothing : nn::Linear::Delta {
    Variable forward(const Variable&, Variable y, const nn::Pass&) override { return y; }
  };
  const ModelFolder folder("deberta_c2p");
  const LoadedModel loaded = folder.load();
  loaded.model->for_each_module([](nn::Module& module) {
    if (module.path() != "classifier") return;
    dynamic_cast<nn::Linear&>(module).attach(std::make_unique<Nothing>());
  });
  CHECK_THROWS_AS(save_model(folder / "saved", *loaded.model), Error);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
