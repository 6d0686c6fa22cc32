#include "models/pretraining.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "autograd/graph.h"
#include "models/family.h"
#include "models/load.h"
#include "models/load_pretraining.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/init.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

const std::string kTable = "deberta.embeddings.word_embeddings.weight";
const std::string kDelta = "deberta.embeddings.word_embeddings._weight";

struct Folder : test::TemporaryFolder {
  Folder() {
    write("deberta/config.json", R"({"model_type": "deberta-v2", "vocab_size": 40,
      "hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 12,
      "max_position_embeddings": 32, "type_vocab_size": 0, "relative_attention": true,
      "share_att_key": true, "position_buckets": 4, "max_relative_positions": -1,
      "pos_att_type": ["c2p", "p2c"], "position_biased_input": false,
      "norm_rel_ebd": "layer_norm", "initializer_range": 0.3})");
    write("roberta/config.json", R"({"model_type": "roberta", "vocab_size": 40, "hidden_size": 8,
      "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
      "max_position_embeddings": 32, "type_vocab_size": 1, "pad_token_id": 1})");
  }
  std::unique_ptr<PretrainingModel> model(const std::string& family, Objective objective,
                                          EmbeddingSharing sharing) const {
    PretrainingLoadOptions options;
    options.model.objective = objective;
    options.model.sharing = sharing;
    options.hidden_dropout_prob = options.attention_probs_dropout_prob = 0;
    return load_pretraining(*this / family, options).model;
  }
};

std::set<std::string> names(PretrainingModel& model) {
  std::set<std::string> result;
  for (const nn::Parameter* parameter : model.parameters()) result.insert(parameter->path());
  return result;
}

PretrainingInput some_input(PretrainingModel& model) {
  const std::vector<int64_t> ids{1, 7, 5, 9, 2, 1, 8, 3, 2}, offsets{0, 5, 9};
  const RaggedBatch batch(ids, {}, offsets);
  PretrainingInput input;
  input.input = upload(batch, model.backbone().positions(batch), Device::cpu);
  input.positions = Tensor::from<int64_t>({2, 7}, {2});
  input.labels = Tensor::from<int64_t>({6, 4}, {2});
  return input;
}

// Writes FOLDER/to, which is FOLDER/from with its tensors under the names that `rename` gives them,
// without those that it gives none, and with further tensors of one number.
void rewrite(const Folder& folder, const std::string& from, const std::string& to,
             const std::function<std::string(const std::string&)>& rename,
             const std::vector<std::string>& further = {}) {
  folder.write(to + "/config.json", test::read_text(folder / (from + "/config.json")));
  const nn::Checkpoint file = nn::open_checkpoint(folder / from);
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (const nn::StoredTensor& tensor : file.tensors()) {
    const std::string name = rename(tensor.name);
    if (!name.empty()) tensors.emplace_back(name, nn::load_tensor(file, tensor.name));
  }
  for (const std::string& name : further) tensors.emplace_back(name, Tensor::zeros({1}));
  nn::SafetensorsWriter writer;
  for (const auto& [name, value] : tensors) {
    writer.add(name, value.dtype(), value.shape().sizes(), {value.raw(), value.bytes()});
  }
  writer.write(folder / (to + "/model.safetensors"));
}

real largest(const Tensor& gradient) {
  real result = 0;
  for (const real value : gradient.to_vector()) result = std::max(result, std::abs(value));
  return result;
}

}  // namespace

TEST_CASE("pretraining: parameters have the names of the published checkpoints") {
  const Folder folder;
  const auto es = folder.model("deberta", Objective::rtd, EmbeddingSharing::es);
  const auto nes = folder.model("deberta", Objective::rtd, EmbeddingSharing::nes);
  const auto gdes = folder.model("deberta", Objective::rtd, EmbeddingSharing::gdes);
  CHECK(names(*es).contains(kTable));
  CHECK(!names(*es).contains("generator." + kTable));
  CHECK(names(*nes).contains(kTable));
  CHECK(names(*nes).contains("generator." + kTable));
  CHECK(!names(*gdes).contains(kTable));
  CHECK(names(*gdes).contains(kDelta));
  CHECK(names(*gdes).contains("generator." + kTable));
  CHECK(names(*gdes).contains("mask_predictions.classifier.bias"));
  CHECK(names(*gdes).contains("generator.lm_predictions.lm_head.LayerNorm.weight"));
  CHECK(names(*gdes).contains("generator.deberta.encoder.layer.0.output.dense.weight"));
  CHECK(!names(*gdes).contains("generator.deberta.encoder.layer.1.output.dense.weight"));
  const auto roberta = folder.model("roberta", Objective::mlm, EmbeddingSharing::gdes);
  CHECK(names(*roberta).contains("lm_head.layer_norm.bias"));
  CHECK(names(*roberta).contains("roberta.embeddings.position_embeddings.weight"));
}

TEST_CASE("pretraining: gdes trains E_delta by detection alone, E_G by the language model alone") {
  const Folder folder;
  const auto model = folder.model("deberta", Objective::rtd, EmbeddingSharing::gdes);
  const nn::Parameter& shared = *model->find_parameter("generator." + kTable);
  const PretrainingOutput output = model->forward(some_input(*model), {true, 3, 0});
  backward(output.loss);
  CHECK(largest(model->delta()->grad()) > 0);
  const Tensor together = shared.grad().clone();
  // The same with a detection loss of another weight: the table's gradient stays.
  PretrainingLoadOptions options;
  options.model = {.objective = Objective::rtd, .rtd_lambda = 1};
  options.hidden_dropout_prob = options.attention_probs_dropout_prob = 0;
  const auto other = load_pretraining(folder / "deberta", options).model;
  backward(other->forward(some_input(*other), {true, 3, 0}).loss);
  CHECK(other->find_parameter("generator." + kTable)->grad().to_vector() == together.to_vector());
}

TEST_CASE("pretraining: samples of a step are the same, of another step others") {
  const Folder folder;
  const auto model = folder.model("deberta", Objective::rtd, EmbeddingSharing::gdes);
  const PretrainingInput input = some_input(*model);
  const auto loss = [&](uint32_t step) {
    return model->forward(input, {true, 3, step}).rtd_loss.item();
  };
  CHECK(loss(0) == loss(0));
  std::set<real> losses;
  for (uint32_t step = 0; step < 8; ++step) losses.insert(loss(step));
  CHECK(losses.size() > 2);
}

TEST_CASE("pretraining: a saved model is one to fine-tune, and to go on from") {
  const Folder folder;
  for (const auto sharing : {EmbeddingSharing::es, EmbeddingSharing::nes, EmbeddingSharing::gdes}) {
    CAPTURE(static_cast<int>(sharing));
    const auto model = folder.model("deberta", Objective::rtd, sharing);
    if (model->delta()) {
      for (int64_t i = 0; i < model->delta()->value().numel(); ++i) {
        model->delta()->value().data()[i] = static_cast<real>(i % 7) / 16;
      }
    }
    const std::filesystem::path saved =
        folder / ("saved" + std::to_string(static_cast<int>(sharing)));
    save_pretraining(saved, *model);
    for (const auto& path : {saved, saved / "generator"}) {
      CHECK(nn::open_checkpoint(path).contains(kTable));
      CHECK_NOTHROW(load_model(path));
    }
    CHECK(read_config(saved).layers == 3);
    CHECK(read_config(saved / "generator").layers == 1);
    PretrainingLoadOptions options;
    options.model.objective = Objective::rtd;
    options.model.sharing = sharing;
    options.seed = 7;  // nothing is drawn but E_delta, which is computed
    options.hidden_dropout_prob = options.attention_probs_dropout_prob = 0;
    const auto again = load_pretraining(saved, options).model;
    const real before = model->forward(some_input(*model), {false, 3, 0}).loss.value().item();
    const real after = again->forward(some_input(*again), {false, 3, 0}).loss.value().item();
    CHECK(static_cast<double>(after) == doctest::Approx(static_cast<double>(before)).epsilon(1e-5));
  }
}

TEST_CASE("pretraining: a file holds the whole backbone, and nothing that no model has") {
  const Folder folder;
  const auto model = folder.model("roberta", Objective::mlm, EmbeddingSharing::gdes);
  save_pretraining(folder / "whole", *model);
  const auto load_without = [&](const std::string& dropped,
                                const std::vector<std::string>& further) {
    rewrite(
        folder, "whole", "part",
        [&](const std::string& name) { return name == dropped ? std::string() : name; }, further);
    return load_pretraining(folder / "part", {.seed = 7});
  };
  const LoadedPretraining published = load_without(
      "", {"roberta.embeddings.position_ids", "roberta.pooler.dense.weight",
           "classifier.dense.weight", "classifier.out_proj.bias", "lm_head.decoder.weight"});
  CHECK(published.drawn.empty());
  CHECK(published.loaded == static_cast<int64_t>(model->parameters().size()));
  CHECK(load_without("lm_head.bias", {}).drawn == std::vector<std::string>{"lm_head.bias"});
  CHECK(test::contains(
      test::message_of([&] {
        load_without("roberta.encoder.layer.0.output.dense.bias", {"junk", "lm_head.dense"});
      }),
      "do not fit the model: 1 missing (roberta.encoder.layer.0.output.dense.bias); 1 unexpected "
      "(junk)"));
}

TEST_CASE("pretraining: a bare encoder's names lack the prefix, and its heads are drawn") {
  const Folder folder;
  const auto model = folder.model("deberta", Objective::mlm, EmbeddingSharing::gdes);
  save_pretraining(folder / "whole", *model);
  rewrite(folder, "whole", "bare", [](const std::string& name) {
    return name.starts_with("deberta.") ? name.substr(8) : std::string();
  });
  PretrainingLoadOptions options{.seed = 7};
  const LoadedPretraining loaded = load_pretraining(folder / "bare", options);
  CHECK(loaded.drawn.size() == 5);
  CHECK(loaded.drawn.front().starts_with("lm_predictions.lm_head."));
  const std::string query = "deberta.encoder.layer.2.attention.self.query_proj.weight";
  const auto values = [](PretrainingModel& of, const std::string& name) {
    return of.find_parameter(name)->value().to_vector();
  };
  CHECK(values(*loaded.model, query) == values(*model, query));
  options.model.objective = Objective::rtd;  // gdes: the table is E_G
  const LoadedPretraining detecting = load_pretraining(folder / "bare", options);
  CHECK(values(*detecting.model, query) == values(*model, query));
  CHECK(values(*detecting.model, "generator." + kTable) == values(*model, kTable));
}

TEST_CASE("pretraining: DeBERTa's head may have transformers' legacy names") {
  const Folder folder;
  const auto model = folder.model("deberta", Objective::mlm, EmbeddingSharing::gdes);
  save_pretraining(folder / "whole", *model);
  rewrite(folder, "whole", "legacy", [](const std::string& name) {
    const std::string head = "lm_predictions.lm_head.";
    if (!name.starts_with(head)) return name;
    const std::string rest = name.substr(head.size());
    return (rest == "bias" ? "cls.predictions." : "cls.predictions.transform.") + rest;
  });
  const LoadedPretraining loaded = load_pretraining(folder / "legacy", {.seed = 7});
  CHECK(loaded.drawn.empty());
  for (nn::Parameter* parameter : model->parameters()) {
    CHECK(loaded.model->find_parameter(parameter->path())->value().to_vector() ==
          parameter->value().to_vector());
  }
}

TEST_CASE("pretraining: the head has hidden_act as transformers has it, RoBERTa's always GELU") {
  for (const char* type : {"bert", "roberta", "deberta-v2"}) {
    CAPTURE(type);
    const auto logits = [&](Activation activation) {
      ModelConfig config;
      config.family = find_family(type);
      config.family->set_defaults(config);
      config.hidden_size = 8;
      config.vocab_size = 12;
      config.hidden_act = activation;
      nn::Module root;
      LanguageModelHead head(&root, config);
      nn::Embedding table(&root, "table", 12, 8);
      for (nn::Parameter* parameter : root.parameters()) {
        parameter->assign(nn::normal(parameter->declared_shape(), 1, 3, parameter->name()));
      }
      return head.forward(Variable(nn::normal({3, 8}, 1, 5, "x")), table.weight, {})
          .value()
          .to_vector();
    };
    const bool is_fixed = find_family(type)->language_model_has_gelu;
    CHECK((logits(Activation::relu) == logits(Activation::gelu)) == is_fixed);
    CHECK(is_fixed == (std::string(type) == "roberta"));
  }
}

TEST_CASE("pretraining: rtd is refused for other families") {
  const Folder folder;
  CHECK(test::contains(
      test::message_of([&] { folder.model("roberta", Objective::rtd, EmbeddingSharing::es); }),
      "objective=rtd is DeBERTaV3's; model_type is roberta"));
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
