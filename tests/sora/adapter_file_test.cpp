#include "sora/adapter_file.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/state_dict.h"
#include "sora/gated_delta.h"
#include "sora/merge.h"
#include "sora/peft_export.h"
#include "sora/prune.h"
#include "tests/files.h"
#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

namespace fs = std::filesystem;
using namespace test;

// Values as after training: no factor is 0, some gates are.
std::unique_ptr<Method> trained(ToyModel& model, const MethodConfig& config) {
  auto method = make_method(config);
  method->attach(model, 1);
  for (nn::Parameter* parameter : adapter_parameters(model)) fill(*parameter, 0.5, 3);
  for (GatedDelta* delta : gated_deltas(model)) {
    if (delta->gate) delta->gate->value().data()[1] = 0;
  }
  return method;
}

void check_near(const std::vector<real>& a, const std::vector<real>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-4));
}

MethodConfig config_of(const std::string& method) {
  MethodConfig config;
  config.method = method;
  config.r = 3;
  config.init_r = 3;
  config.target_r = 1;
  config.bottleneck = 2;
  config.lora_alpha = 5;
  return config;
}

TEST_CASE("adapter: every method comes back with equal logits and configuration") {
  const TemporaryFolder root;
  for (const std::string name : {"sora", "lora", "adalora", "houlsby", "pfeiffer", "bitfit"}) {
    CAPTURE(name);
    const fs::path folder = root / name;
    ToyModel model;
    trained(model, config_of(name));
    save_adapter(folder, model, config_of(name), {"models/toy", "rte", kLabels});
    ToyModel fresh;
    const auto method = load_adapter(folder, fresh);
    CHECK(method->name() == name);
    CHECK(fresh.logits() == model.logits());
    const AdapterConfig read = read_adapter_config(folder);
    CHECK(!read.peft);
    CHECK(read.info.base_model == "models/toy");
    CHECK(read.info.task == "rte");
    CHECK(read.info.num_labels == kLabels);
    if (name == "sora") CHECK(read.method.r == 3);
    if (name == "adalora") CHECK(read.method.init_r == 3);
  }
}

TEST_CASE("adapter: factors that differ from the file's are refused") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  MethodConfig other = config_of("lora");
  other.lora_alpha = 20;
  CHECK(contains(message_of([&] { save_adapter(folder.path(), model, other, {}); }), "factor"));
  save_adapter(folder.path(), model, config_of("lora"), {});
  ToyModel scaled;
  trained(scaled, other);
  CHECK(contains(message_of([&] { load_adapter_values(folder.path(), "lora", scaled); }),
                 "by lora_alpha and rank the factor of "));
  load_adapter_values(folder.path(), "lora", model);
}

TEST_CASE("adapter: one that does not fit leaves the model as it was; detach() takes one off") {
  const TemporaryFolder folder, wrong;
  ToyModel model;
  const auto logits = model.logits();
  trained(model, config_of("lora"));
  save_adapter(folder.path(), model, config_of("lora"), {});
  detach(model);
  CHECK(gated_deltas(model).empty());

  save_adapter_config(wrong.path(), config_of("lora"), {});
  nn::Parameter* const head[] = {&model.classifier.weight};
  nn::save_state(wrong / "adapter_model.safetensors", head);
  ToyModel fresh;
  CHECK_THROWS_AS(load_adapter(wrong.path(), fresh), Error);
  CHECK(gated_deltas(fresh).empty());
  CHECK(fresh.logits() == logits);
  const auto method = load_adapter(folder.path(), fresh);
  CHECK(!gated_deltas(fresh).empty());
}

TEST_CASE("adapter: what does not fit is listed by name") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  save_adapter(folder.path(), model, config_of("lora"), {});
  auto json = read_json_object(folder / "adapter_config.json");
  const auto load_with = [&](const char* key, const nlohmann::json& value) {
    auto changed = json;
    value.is_null() ? static_cast<void>(changed.erase(key))
                    : static_cast<void>(changed[key] = value);
    folder.write("adapter_config.json", changed.dump());
    return message_of([&] {
      ToyModel fresh;
      load_adapter(folder.path(), fresh);
    });
  };
  CHECK(contains(load_with("r", 2),
                 "24 mis-shaped (deberta.encoder.layer.0.attention.self.query_proj."
                 "lora_A.weight is (3, 8) instead of (2, 8), "));
  CHECK(contains(load_with("target_modules", {"query_proj"}), "20 unexpected ("));
  CHECK(contains(load_with("method", "bitfit"), "24 unexpected ("));
  CHECK(contains(load_with("r", nullptr), "adapter_config.json] the key \"r\" is missing."));
  CHECK(contains(load_with("r", "many"), "\"r\" is \"many\"; it must be an integer."));
  CHECK(contains(load_with("r", 0),
                 "[r] 0 is out of range; expected a whole number from 1 to 65536."));
  CHECK(contains(load_with("r", int64_t{1} << 40), "expected a whole number from 1 to 65536"));
  CHECK(
      contains(load_with("r", 65536), "24 mis-shaped ("));  // and nothing of that size is allocated
  CHECK(contains(load_with("method", "lora\nsora"), "\"method\" holds control characters."));
  CHECK(contains(load_with("target_modules", "all"), "it must be a list of names."));
  CHECK(contains(load_with("target_modules", {"nothing"}), "\"nothing\" matches no Linear"));
  CHECK(contains(load_with("method", "dora"), "\"dora\" is not known"));
  CHECK(load_with("comment", "ignored") == "");
}

TEST_CASE("adapter: damaged files and empty folders are one line") {
  const TemporaryFolder folder;
  ToyModel model;
  for (const fs::path& path : {folder.path(), folder / "none"}) {
    CHECK(contains(message_of([&] { load_adapter(path, model); }), "adapter_config.json"));
  }
  for (const std::string text :
       {"", "[]", "{\"method\": \"lora\", \"method\": \"sora\"}", "{\"method\"", "{}"}) {
    folder.write("adapter_config.json", text);
    const std::string message = message_of([&] { load_adapter(folder.path(), model); });
    CHECK(contains(message, "adapter_config.json"));
    CHECK(!contains(message, "\n"));
  }
}

TEST_CASE("prune: zero gates go, logits stay, and the result loads on its own") {
  for (const std::string name : {"sora", "adalora", "lora"}) {
    CAPTURE(name);
    const TemporaryFolder folder;
    ToyModel model;
    const auto method = trained(model, config_of(name));
    if (name != "lora") gated_deltas(model).front()->gate->value().fill_zero();
    const std::vector<real> before = model.logits();
    const int64_t stored = method->counts().stored;
    const MethodConfig pruned = prune(model, config_of(name));
    check_near(model.logits(), before);
    CHECK(pruned.method == "lora");
    CHECK(pruned.modules->size() == (name == "lora" ? 12 : 11));
    CHECK(pruned.modules->back().rank == (name == "lora" ? 3 : 2));
    save_adapter(folder.path(), model, pruned, {"toy", "rte", kLabels});
    ToyModel fresh;
    const auto again = load_adapter(folder.path(), fresh);
    CHECK(fresh.logits() == model.logits());
    CHECK(again->counts().stored == stored);
    CHECK(again->sparsity().total == 0);
  }
  ToyModel model;
  trained(model, config_of("houlsby"));
  CHECK_THROWS_AS(prune(model, config_of("houlsby")), Error);
}

TEST_CASE("prune: without any gate only the head is left, and loads") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("sora"));
  for (GatedDelta* delta : gated_deltas(model)) delta->gate->value().fill_zero();
  const std::vector<real> before = model.logits();
  const MethodConfig pruned = prune(model, config_of("sora"));
  CHECK(pruned.modules->empty());
  save_adapter(folder.path(), model, pruned, {"toy", "rte", kLabels});
  ToyModel fresh;
  const auto again = load_adapter(folder.path(), fresh);
  CHECK(gated_deltas(fresh).empty());
  check_near(fresh.logits(), before);
  CHECK(again->counts().stored == 0);
}

TEST_CASE("adapter: training goes on from one with its ranks and values") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("sora"));
  const MethodConfig pruned = prune(model, config_of("sora"));
  save_adapter(folder.path(), model, pruned, {"toy", "rte", kLabels});
  MethodConfig run = config_of("lora");
  run.r = 5;
  run.lora_dropout = 0.25;
  const MethodConfig further = continued(run, folder.path());
  CHECK(further.lora_dropout == 0.25);
  ToyModel fresh;
  const auto method = make_method(further);
  method->attach(fresh, 7);
  load_initial_adapter(folder.path(), fresh);
  CHECK(fresh.logits() == model.logits());
  CHECK(gated_deltas(fresh).front()->rank() == 2);
  CHECK(contains(message_of([&] { continued(config_of("sora"), folder.path()); }),
                 "set method=lora"));
}

TEST_CASE("merge: a plain model with equal logits") {
  for (const std::string name : {"sora", "adalora", "lora", "bitfit"}) {
    CAPTURE(name);
    ToyModel model;
    trained(model, config_of(name));
    const std::vector<real> before = model.logits();
    merge(model);
    check_near(model.logits(), before);
    CHECK(model.parameters().size() == ToyModel().parameters().size());
  }
  ToyModel model;
  trained(model, config_of("pfeiffer"));
  CHECK_THROWS_AS(merge(model), Error);
}

TEST_CASE("peft: files, names and patterns of an exported adapter") {
  const TemporaryFolder root;
  const fs::path folder = root / "export";
  ToyModel model;
  trained(model, config_of("sora"));
  gated_deltas(model)[5]->gate->value().fill_zero();    // layer 0's output.dense: no rank left
  gated_deltas(model)[6]->gate->value().data()[0] = 0;  // layer 1's query_proj: rank 1
  const std::vector<real> before = model.logits();
  export_peft(folder, model, {"models/toy", "rte", kLabels});
  const auto json = read_json_object(folder / "adapter_config.json");
  CHECK(json["peft_type"] == "LORA");
  CHECK(json["task_type"] == "SEQ_CLS");
  CHECK(!json.contains("use_dora"));  // unknown to peft before 0.9, which refuses unknown keys
  CHECK(json["base_model_name_or_path"] == "models/toy");
  CHECK(json["r"] == 2);
  CHECK(json["modules_to_save"] == nlohmann::json({"classifier", "pooler"}));
  CHECK(json["target_modules"].size() == 11);
  const auto& ranks = json["rank_pattern"];
  const auto& alphas = json["alpha_pattern"];
  CHECK(ranks.size() == 11);
  CHECK(ranks["encoder.layer.1.attention.self.query_proj"] == 1);
  CHECK(alphas["encoder.layer.1.attention.self.query_proj"].get<double>() ==
        doctest::Approx(5 / 3.));
  CHECK(!ranks.contains("encoder.layer.0.output.dense"));
  for (const auto& [key, rank] : ranks.items()) CHECK(alphas.contains(key));
  const auto file = nn::open_checkpoint(folder / "adapter_model.safetensors");
  CHECK(file.tensors().size() == 2 * 11 + 4);
  CHECK(
      file.at("base_model.model.deberta.encoder.layer.0.intermediate.dense.lora_B.weight").sizes ==
      std::vector<int64_t>{kIntermediate, 2});
  CHECK(file.contains("base_model.model.pooler.dense.bias"));
  ToyModel fresh;
  CHECK(load_adapter(folder, fresh)->name() == "lora");
  check_near(fresh.logits(), before);
}

TEST_CASE("peft: equal ranks need no patterns and short target names") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  export_peft(folder.path(), model, {});
  const auto json = read_json_object(folder / "adapter_config.json");
  CHECK(json["r"] == 3);
  CHECK(json["lora_alpha"] == 5);
  CHECK(json["rank_pattern"].empty());
  CHECK(json["target_modules"] ==
        nlohmann::json({"attention.output.dense", "attention.self.key_proj",
                        "attention.self.query_proj", "attention.self.value_proj",
                        "intermediate.dense", "output.dense"}));
}

TEST_CASE("peft: an adapter without any rank keeps one module of zeros") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("sora"));
  for (GatedDelta* delta : gated_deltas(model)) delta->gate->value().fill_zero();
  const std::vector<real> before = model.logits();
  export_peft(folder.path(), model, {});
  CHECK(read_json_object(folder / "adapter_config.json")["r"] == 1);
  ToyModel fresh;
  load_adapter(folder.path(), fresh);
  check_near(fresh.logits(), before);
}

TEST_CASE("peft: what is no low-rank adapter cannot be exported") {
  for (const std::string name : {"houlsby", "bitfit", "full"}) {
    const TemporaryFolder folder;
    ToyModel model;
    trained(model, config_of(name));
    CHECK_THROWS_AS(export_peft(folder.path(), model, {}), Error);
  }
}

TEST_CASE("peft: LoRA and AdaLoRA adapters are read with their factors") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  export_peft(folder.path(), model, {});
  auto json = read_json_object(folder / "adapter_config.json");
  const auto factor_with = [&](const char* key, const nlohmann::json& value) {
    auto changed = json;
    changed[key] = value;
    folder.write("adapter_config.json", changed.dump());
    ToyModel fresh;
    load_adapter(folder.path(), fresh);
    return gated_deltas(fresh)[11]->factor();  // layer 1's output.dense
  };
  CHECK(factor_with("use_rslora", false) == doctest::Approx(5 / 3.));
  CHECK(factor_with("use_rslora", true) == doctest::Approx(5 / std::sqrt(3.)));
  CHECK(factor_with("alpha_pattern", {{"output.dense", 9}}) == doctest::Approx(3));
  CHECK(factor_with("alpha_pattern", {{"encoder\\.layer\\.1\\.output\\.dense", 6}}) ==
        doctest::Approx(2));
  CHECK(factor_with("alpha_pattern", {{"layer.0.output.dense", 9}}) == doctest::Approx(5 / 3.));
  // A key with ^ is the whole path. ToyModel's is deberta.encoder.layer.1.output.dense.
  CHECK(factor_with("alpha_pattern", {{"^output.dense", 9}}) == doctest::Approx(5 / 3.));
  CHECK(factor_with("alpha_pattern", {{"^deberta.encoder.layer.1.output.dense", 9}}) ==
        doctest::Approx(3));
  CHECK(contains(message_of([&] {
                   factor_with("alpha_pattern", {{"(a+)+", 9}});
                 }),
                 "is a regular expression"));
  for (const char* variant : {"layer_replication", "alora_invocation_tokens", "arrow_config",
                              "kasa_config", "use_bdlora", "velora_config", "monteclora_config"}) {
    CAPTURE(variant);
    CHECK(factor_with(variant, nullptr) == doctest::Approx(5 / 3.));
    const std::string message = message_of([&] { factor_with(variant, {0, 1}); });
    CHECK(contains(message, "\"" + std::string(variant) + "\" is set, which is not supported"));
  }
  CHECK(contains(message_of([&] { factor_with("use_dora", true); }), "use_dora"));
  CHECK(contains(message_of([&] { factor_with("r", 4); }), "has the rank 3; correct \"r\""));
  CHECK(
      contains(message_of([&] { factor_with("peft_type", "IA3"); }), "\"IA3\"; LORA and ADALORA"));
  CHECK(contains(message_of([&] { factor_with("init_lora_weights", "pissa_niter_4"); }),
                 "changes the base weights"));
}

TEST_CASE("peft: the first pattern of the file that fits counts") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  export_peft(folder.path(), model, {});
  auto json = read_json_object(folder / "adapter_config.json");
  json.erase("alpha_pattern");
  const auto factor_with = [&](const std::string& patterns) {
    const std::string rest = json.dump().substr(1);
    folder.write("adapter_config.json", R"({"x": NaN, "alpha_pattern": )" + patterns + ", " + rest);
    ToyModel fresh;
    load_adapter(folder.path(), fresh);
    return gated_deltas(fresh)[11]->factor();  // layer 1's output.dense
  };
  CHECK(factor_with(R"({"output.dense": 6, "dense": 9})") == doctest::Approx(2));
  CHECK(factor_with(R"({"layer.0.output.dense": 3, "dense": 9, "output.dense": 6})") ==
        doctest::Approx(3));
}

TEST_CASE("peft: an adapter without lora_alpha has peft's default, 8") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("lora"));
  export_peft(folder.path(), model, {});
  auto json = read_json_object(folder / "adapter_config.json");
  json.erase("lora_alpha");
  folder.write("adapter_config.json", json.dump());
  CHECK(read_adapter_config(folder.path()).method.lora_alpha == 8);
}

TEST_CASE("peft: AdaLoRA's pruned tensors keep the factor of init_r") {
  const TemporaryFolder folder;
  ToyModel model;
  trained(model, config_of("adalora"));
  std::vector<Tensor> values;
  nn::SafetensorsWriter writer;
  for (nn::Parameter* parameter : adapter_parameters(model)) {
    values.push_back(parameter->value());
    writer.add("base_model.model." + parameter->path(), kReal, parameter->shape().sizes(),
               {values.back().raw(), values.back().bytes()});
  }
  // What peft adds with bias "all": the head it replaced, which nobody reads.
  writer.add("base_model.model.classifier.original_module.bias", kReal,
             values.back().shape().sizes(), {values.back().raw(), values.back().bytes()});
  writer.write(folder / "adapter_model.safetensors");
  folder.write("adapter_config.json", R"({"peft_type": "ADALORA", "init_r": 6, "lora_alpha": 12,
    "alpha_pattern": {"dense": 99, "query_proj": 99}})");  // peft reads no pattern here
  ToyModel fresh;
  CHECK(load_adapter(folder.path(), fresh)->name() == "adalora");
  CHECK(gated_deltas(fresh).front()->factor() == doctest::Approx(12 / 6.00001));
  CHECK(gated_deltas(fresh).front()->rank() == 3);
}

}  // namespace
}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
