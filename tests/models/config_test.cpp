#include "models/config.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "models/family.h"
#include "models/model.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

using namespace test;
using nlohmann::json;

json deberta_json() {
  return {{"model_type", "deberta-v2"},
          {"vocab_size", 128100},
          {"hidden_size", 768},
          {"num_hidden_layers", 12},
          {"num_attention_heads", 12},
          {"intermediate_size", 3072},
          {"relative_attention", true},
          {"share_att_key", true},
          {"position_buckets", 256},
          {"norm_rel_ebd", "layer_norm"},
          {"position_biased_input", false},
          {"pos_att_type", "p2c|c2p"},
          {"max_position_embeddings", 512},
          {"max_relative_positions", -1},
          {"attention_head_size", 64}};
}

// The message of the Error that parsing throws; empty where it throws none.
std::string refusal(const std::string& text) {
  return message_of([&] { parse_config(text, "config.json"); });
}

std::string refusal_of(json object, const std::string& key, const json& value) {
  object[key] = value;
  return refusal(object.dump());
}

}  // namespace

TEST_CASE("config: DeBERTaV3-base") {
  const ModelConfig config = parse_config(deberta_json().dump(), "config.json");
  CHECK(config.family->model_type == "deberta-v2");
  CHECK(config.c2p);
  CHECK(config.p2c);
  CHECK(config.max_relative_positions == 512);
  CHECK(config.relative_span() == 256);
  CHECK(config.layer_norm_eps == 1e-7);
  CHECK(config.head_dropout() == 0.1);
  CHECK(config.num_labels == 2);
  CHECK(config.pad_token_id == 0);
}

TEST_CASE("config: missing keys have Hugging Face's defaults") {
  const ModelConfig roberta = parse_config(R"({"model_type": "roberta"})", "config.json");
  CHECK(roberta.vocab_size == 50265);
  CHECK(roberta.hidden_size == 768);
  CHECK(roberta.layers == 12);
  CHECK(roberta.max_position_embeddings == 512);
  CHECK(roberta.type_vocab_size == 2);
  CHECK(roberta.pad_token_id == 1);
  CHECK(roberta.layer_norm_eps == 1e-12);
  const ModelConfig bert = parse_config(R"({"model_type": "bert"})", "config.json");
  CHECK(bert.vocab_size == 30522);
  CHECK(bert.pad_token_id == 0);
}

TEST_CASE("config: pad_token_id null means no padding row, which RoBERTa needs") {
  ModelConfig config = parse_config(R"({"model_type": "bert", "pad_token_id": null})", "config");
  CHECK(config.pad_token_id == -1);
  config.source.clear();
  CHECK(json::parse(to_json(config))["pad_token_id"].is_null());
  CHECK(contains(refusal(R"({"model_type": "roberta", "pad_token_id": null})"),
                 "\"pad_token_id\" is null"));
}

TEST_CASE("config: regression of several scores is refused by name") {
  CHECK(contains(refusal(R"({"model_type": "bert", "problem_type": "regression",
      "id2label": {"0": "a", "1": "b", "2": "c"}})"),
                 "\"problem_type\" is \"regression\" with 3 labels; one score alone"));
  CHECK(refusal(R"({"model_type": "bert", "problem_type": "regression", "num_labels": 1})") == "");
}

TEST_CASE("config: pos_att_type is a string or a list") {
  for (const json& value : {json("c2p"), json(json::array({"c2p"})), json(" C2P ")}) {
    json object = deberta_json();
    object["pos_att_type"] = value;
    const ModelConfig config = parse_config(object.dump(), "config.json");
    CHECK(config.c2p);
    CHECK_FALSE(config.p2c);
  }
}

TEST_CASE("config: id2label counts the labels and names them") {
  json object = deberta_json();
  object["num_labels"] = 5;
  object["id2label"] = {{"0", "no"}, {"1", "maybe"}, {"2", "yes"}};
  ModelConfig config = parse_config(object.dump(), "config.json");
  CHECK(config.num_labels == 3);
  CHECK(config.label_names == std::vector<std::string>{"no", "maybe", "yes"});
  set_labels(config, 3, false);
  CHECK(config.label_names.size() == 3);
  set_labels(config, 1, true);
  CHECK(config.label_names.empty());
  CHECK(config.problem_type == "regression");
  CHECK_THROWS_AS(set_labels(config, 2, true), Error);
}

TEST_CASE("config: id2label may count from 1, and name classes by whole numbers") {
  json object = deberta_json();
  object["id2label"] = {{"1", "no"}, {"2", "yes"}};
  CHECK(parse_config(object.dump(), "config.json").label_names ==
        std::vector<std::string>{"no", "yes"});
  object["id2label"] = {{"0", 0}, {"1", 5}};
  CHECK(parse_config(object.dump(), "config.json").label_names ==
        std::vector<std::string>{"0", "5"});
}

TEST_CASE("config: numbers that only Python's JSON has are kept where nobody reads them") {
  const std::string text = R"({"model_type": "bert", "a": NaN, "b": [-Infinity, "Infinity and NaN"],
    "c": Infinity})";
  const ModelConfig config = parse_config(text, "config.json");
  const std::string written = to_json(config);
  CHECK(contains(written, "\"a\": NaN"));
  CHECK(contains(written, "-Infinity"));
  CHECK(contains(written, "\"Infinity and NaN\""));
  CHECK(contains(written, "\"c\": Infinity"));
  CHECK(contains(refusal(R"({"model_type": "bert", "layer_norm_eps": NaN})"), "layer_norm_eps"));
  CHECK(contains(refusal(R"({"model_type": "bert", "layer_norm_eps": NaN})"), "NaN"));
}

TEST_CASE("config: a class named NaN is a name, beside numbers that are NaN") {
  json object = deberta_json();
  object["id2label"] = {{"0", "NaN"}, {"1", "yes"}};
  std::string text = object.dump();
  text.insert(1, R"("alien": NaN, "line": "\u001fNaN", )");
  const std::string written = to_json(parse_config(text, "config.json"));
  CHECK(contains(written, "\"alien\": NaN"));
  const json again = parse_json_object(written, "config.json");
  CHECK(again["id2label"]["0"] == "NaN");
  CHECK(again["label2id"]["NaN"] == 0);
}

TEST_CASE("config: one without a family, or with heads that do not fit, is refused") {
  CHECK_THROWS_AS(SequenceClassifier(ModelConfig{}), Error);
  CHECK_THROWS_AS(to_json(ModelConfig{}), Error);
  ModelConfig config = parse_config(deberta_json().dump(), "config.json");
  config.heads = 0;
  CHECK_THROWS_AS(SequenceClassifier{config}, Error);
}

TEST_CASE("config: dtype is that of the weights that are written") {
  json object = deberta_json();
  object["dtype"] = "float16";
  json written = json::parse(to_json(parse_config(object.dump(), "config.json")));
  CHECK(written["dtype"] == "float32");
  CHECK_FALSE(written.contains("torch_dtype"));
  object["torch_dtype"] = "bfloat16";
  written = json::parse(to_json(parse_config(object.dump(), "config.json")));
  CHECK(written["dtype"] == "float32");
  CHECK(written["torch_dtype"] == "float32");
}

TEST_CASE("config: dropout of the head") {
  json object = deberta_json();
  object["cls_dropout"] = 0.3;
  CHECK(parse_config(object.dump(), "config.json").head_dropout() == 0.3);
  CHECK(parse_config(R"({"model_type": "roberta", "classifier_dropout": 0.2})", "config.json")
            .head_dropout() == 0.2);
  CHECK(parse_config(R"({"model_type": "bert", "classifier_dropout": null,
                         "hidden_dropout_prob": 0.4})",
                     "config.json")
            .head_dropout() == 0.4);
}

TEST_CASE("config: what is not computed is refused by name") {
  const std::vector<std::pair<const char*, json>> table = {
      {"conv_kernel_size", 3},
      {"embedding_size", 128},
      {"position_biased_input", true},
      {"share_att_key", false},
      {"relative_attention", false},
      {"norm_rel_ebd", "none"},
      {"norm_rel_ebd", "layer_norm|batch_norm"},
      {"type_vocab_size", 2},
      {"hidden_act", "silu"},
      {"pooler_hidden_act", "sigmoid"},
      {"num_attention_heads", 7},
      {"attention_head_size", 32},
      {"pooler_hidden_size", 64},
      {"pos_att_type", "p2p"},
      {"pos_att_type", json::array({"c2p", 3})},
      {"pos_att_type", 3},
      {"position_buckets", 1},
      {"is_decoder", true},
      {"pruned_heads", {{"0", {1}}}},
      {"quantization_config", {{"bits", 4}}},
      {"problem_type", "token_classification"},
      {"id2label", json::object()},
      {"id2label", {{"0", "a"}, {"2", "b"}}},
      {"id2label", {{"0", 1.5}}},
      {"id2label", {{"0", true}}},
      {"id2label", {{"2", "a"}, {"3", "b"}}},
      {"id2label", "a"},
      {"num_labels", 0},
      {"hidden_size", "768"},
      {"hidden_size", 768.0},
      {"hidden_size", 0},
      {"hidden_size", json::array()},
      {"num_hidden_layers", 0},
      {"num_hidden_layers", 1000000000},
      {"vocab_size", -3},
      {"vocab_size", 18446744073709551615u},
      {"pad_token_id", 128100},
      {"layer_norm_eps", "1e-7"},
      {"hidden_dropout_prob", 1.0},
      {"hidden_dropout_prob", -0.1},
      {"attention_probs_dropout_prob", true},
      {"relative_attention", 1},
      {"model_type", "deberta"},
      {"model_type", nullptr},
      {"model_type", 4},
  };
  for (const auto& [key, value] : table) {
    const std::string message = refusal_of(deberta_json(), key, value);
    CAPTURE(key);
    CAPTURE(message);
    CHECK(contains(message, "[config.json] "));
    CHECK(contains(message, key));
    CHECK_FALSE(contains(message, "\n"));
  }
  CHECK(contains(refusal(R"({"model_type": "bert", "position_embedding_type": "relative_key"})"),
                 "position_embedding_type"));
  CHECK(contains(refusal(R"({"model_type": "roberta", "max_position_embeddings": 2})"),
                 "max_position_embeddings"));
  CHECK(contains(refusal(R"({"model_type": "deberta-v2"})"), "relative_attention"));
}

TEST_CASE("config: id2label is written by number, all other keys as before") {
  ModelConfig config = parse_config(deberta_json().dump(), "config.json");
  config.num_labels = 12;
  for (int i = 0; i < 12; ++i) config.label_names.push_back("c" + std::to_string(i));
  const auto written = nlohmann::ordered_json::parse(to_json(config));
  std::vector<std::string> numbers, keys;
  for (const auto& [number, name] : written["id2label"].items()) numbers.push_back(number);
  for (const auto& [key, value] : written.items()) keys.push_back(key);
  REQUIRE(numbers.size() == 12);
  CHECK(numbers[2] == "2");
  CHECK(numbers[11] == "11");
  CHECK(written["id2label"]["10"] == "c10");
  CHECK(std::ranges::is_sorted(keys));
}

TEST_CASE("config: label2id names classes that id2label does not, and may not contradict it") {
  json object = deberta_json();
  const auto names = [&] { return parse_config(object.dump(), "config.json").label_names; };
  const std::vector<std::string> expected = {"no", "yes"};
  object["label2id"] = {{"yes", 1}, {"no", 0}};
  CHECK(names() == expected);
  object["id2label"] = {{"0", "LABEL_0"}, {"1", "LABEL_1"}};
  CHECK(names() == expected);
  object["id2label"] = {{"0", "NO"}, {"1", "Yes"}};
  CHECK(names() == std::vector<std::string>{"NO", "Yes"});
  object["id2label"] = {{"0", "yes"}, {"1", "no"}};
  CHECK(contains(refusal(object.dump()), "calls class 0 \"yes\", \"label2id\" calls it \"no\""));
  // Left over from another task, or no numbering: id2label alone counts.
  for (const json& other : {json{{"a", 0}, {"b", 1}}, json{{"yes", 3}, {"no", 0}},
                            json{{"LABEL_0", 0}, {"LABEL_1", 1}}, json{{"yes", "1"}}, json(4)}) {
    object["label2id"] = other;
    CHECK(names() == std::vector<std::string>{"yes", "no"});
  }
}

TEST_CASE("config: the text must be one JSON object") {
  CHECK(refusal("\xef\xbb\xbf{\"model_type\": \"bert\"}") == "");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{} {}"), std::string("3"),
        std::string(R"({"model_type": "bert", "vocab_size": 1, "vocab_size": 2})"),
        std::string(R"({"model_type": "bert", "a": {"b": 1, "b": 2}})"),
        std::string(R"({"model_type": "bert", "vocab_size": NaN})"),
        "{\"a\":" + std::string(100000, '['), std::string("{\"model_type\": \"b\xff\"}")}) {
    const std::string message = refusal(text);
    CAPTURE(message);
    CHECK(contains(message, "[config.json] "));
    CHECK_FALSE(contains(message, "\n"));
    CHECK(message.size() < 400);
  }
}

TEST_CASE("config: written back it keeps other keys and has the labels of now") {
  json object = deberta_json();
  object["license"] = "mit";
  object["id2label"] = {{"0", "a"}, {"1", "b"}};
  object["label2id"] = {{"a", 0}, {"b", 1}};
  ModelConfig config = parse_config(object.dump(), "config.json");
  set_labels(config, 3, false);
  const json written = json::parse(to_json(config));
  CHECK(written["license"] == "mit");
  CHECK(written["position_buckets"] == 256);
  CHECK(written["id2label"].size() == 3);
  CHECK(written["label2id"]["LABEL_2"] == 2);
  CHECK(written["architectures"][0] == "DebertaV2ForSequenceClassification");
  CHECK(parse_config(written.dump(), "config.json").num_labels == 3);
}

TEST_CASE("config: one made without a file reads back as itself") {
  ModelConfig config = parse_config(deberta_json().dump(), "config.json");
  config.source.clear();
  config.pooler_act = Activation::relu;
  config.classifier_dropout = 0.25;
  const ModelConfig again = parse_config(to_json(config), "config.json");
  CHECK(again.hidden_size == config.hidden_size);
  CHECK(again.c2p);
  CHECK(again.p2c);
  CHECK(again.position_buckets == 256);
  CHECK(again.pooler_act == Activation::relu);
  CHECK(again.head_dropout() == 0.25);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
