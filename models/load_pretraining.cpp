#include "models/load_pretraining.h"

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "models/family.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/init.h"

namespace soragrad::models {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGenerator = "generator.";
constexpr const char* kTable = "deberta.embeddings.word_embeddings.weight";

bool is_norm(const std::string& path) {
  return path.find("LayerNorm") != path.npos || path.find("layer_norm") != path.npos;
}

Tensor initial_value(const nn::Parameter& parameter, const nn::Parameter* delta,
                     const ModelConfig& config, uint64_t seed) {
  const Shape& shape = parameter.declared_shape();
  const std::string path = parameter.path();
  if (&parameter == delta || path.ends_with("bias")) return Tensor::zeros(shape);
  if (is_norm(path)) return Tensor::full(shape, 1);
  return nn::normal(shape, config.initializer_range, seed, path);
}

// Copies what the folder's weights have of these parameters, whose names begin with `prefix` and
// lack it in the file. -> number of parameters found. Other tensors of the file (poolers, heads of
// tasks, tied copies) are not read.
int64_t load_part(const fs::path& folder, std::string_view prefix,
                  const std::vector<nn::Parameter*>& parameters) {
  const nn::Checkpoint file = nn::open_checkpoint(folder);
  int64_t found = 0;
  for (nn::Parameter* parameter : parameters) {
    const std::string name = parameter->path().substr(prefix.size());
    const nn::StoredTensor* tensor = file.find(name);
    if (!tensor) continue;
    const std::span<const int64_t> sizes = parameter->declared_shape().sizes();
    require(std::equal(sizes.begin(), sizes.end(), tensor->sizes.begin(), tensor->sizes.end()),
            "[pretrain] {}: {} is {}; the model's is {}.", folder.string(), name,
            nn::to_text(tensor->sizes), parameter->declared_shape());
    tensor->require_loadable();
    const Tensor host = Tensor::empty(parameter->declared_shape());
    nn::copy_to<real>(*tensor, {host.data(), static_cast<size_t>(host.numel())});
    parameter->assign(host);
    ++found;
  }
  require(found > 0,
          "[pretrain] {}: no tensor of the file belongs to the model of its config.json; the first "
          "that is missing is {}.",
          folder.string(), parameters.front()->path().substr(prefix.size()));
  return found;
}

// The discriminator's table of gdes from a folder: E_delta = its table - E_G where the generator's
// was read, else E_G is its table and E_delta stays 0.
void load_disentangled(const fs::path& folder, bool has_generator, PretrainingModel& model) {
  const nn::Checkpoint file = nn::open_checkpoint(folder);
  if (!file.find(kTable)) return;
  const Tensor table = nn::load_tensor(file, kTable);
  const nn::Parameter& shared = model.generator_table().weight;
  require(table.shape() == shared.declared_shape(), "[pretrain] {}: {} is {}; the model's is {}.",
          folder.string(), kTable, table.shape(), shared.declared_shape());
  if (!has_generator) {
    model.generator_table().weight.assign(table.clone());
    model.delta()->assign(Tensor::zeros(table.shape()));
    return;
  }
  const Tensor difference = Tensor::empty_like(table);
  for (int64_t i = 0; i < table.numel(); ++i) {
    difference.data()[i] = table.data()[i] - shared.value().data()[i];
  }
  model.delta()->assign(difference);
}

int64_t load_weights(const fs::path& folder, PretrainingModel& model) {
  std::vector<nn::Parameter*> own, generators;
  for (nn::Parameter* parameter : model.parameters()) {
    if (parameter == model.delta()) continue;
    (parameter->path().starts_with(kGenerator) ? generators : own).push_back(parameter);
  }
  int64_t loaded = 0;
  const fs::path generator = folder / "generator";
  const bool has_generator = !generators.empty() && !nn::weights_file(generator).empty();
  if (has_generator) loaded += load_part(generator, kGenerator, generators);
  if (!nn::weights_file(folder).empty()) {
    loaded += load_part(folder, "", own);
    if (model.delta()) load_disentangled(folder, has_generator, model);
  }
  return loaded;
}

// A tensor under a name; what is written lives until the file is.
struct Written {
  std::string name;
  Tensor value;
};

void write_model(const fs::path& folder, const std::vector<Written>& tensors) {
  make_folders(folder);
  nn::SafetensorsWriter writer;
  for (const auto& [name, value] : tensors) {
    writer.add(name, value.dtype(), value.shape().sizes(), {value.raw(), value.bytes()});
  }
  writer.write(folder / "model.safetensors");
}

// config.json for Hugging Face's class of a masked language model, or a bare encoder's.
void write_config(const fs::path& folder, const ModelConfig& config, bool language_model) {
  nlohmann::json object = parse_json_object(to_json(config), "config.json");
  std::string name(config.family->architecture);  // "BertForSequenceClassification"
  name.resize(name.find("ForSequence"));
  object["architectures"] = {name + (language_model ? "ForMaskedLM" : "Model")};
  object["num_hidden_layers"] = config.layers;
  if (config.family->legacy_language_model) {
    // transformers' name for a head at lm_predictions.lm_head, as in Microsoft's checkpoints. That
    // head takes the word table as an argument; if asked to tie weights as well, transformers ties
    // the head's dense layer to the table, and loading fails.
    object["legacy"] = false;
    object["tie_word_embeddings"] = false;
  }
  write_file_atomically((folder / "config.json").string(), json_text(object, 2) + "\n");
}

Tensor summed(const Tensor& a, const Tensor& b) {
  Tensor sum = a.clone();
  for (int64_t i = 0; i < sum.numel(); ++i) sum.data()[i] += b.data()[i];
  return sum;
}

}  // namespace

LoadedPretraining load_pretraining(const fs::path& folder, const PretrainingLoadOptions& options) {
  ModelConfig config = read_config(folder);
  if (options.hidden_dropout_prob) config.hidden_dropout_prob = *options.hidden_dropout_prob;
  if (options.attention_probs_dropout_prob) {
    config.attention_probs_dropout_prob = *options.attention_probs_dropout_prob;
  }
  LoadedPretraining result{std::make_unique<PretrainingModel>(config, options.model)};
  PretrainingModel& model = *result.model;
  result.loaded = load_weights(folder, model);
  for (nn::Parameter* parameter : model.parameters()) {
    if (!parameter->defined()) {
      parameter->assign(initial_value(*parameter, model.delta(), config, options.seed));
      ++result.drawn;
    }
    parameter->assign(parameter->value().to(options.device));
    parameter->set_requires_grad(true);
  }
  model.set_precision(options.precision);
  return result;
}

void save_pretraining(const fs::path& folder, PretrainingModel& model) {
  std::vector<Written> own, generators;
  for (nn::Parameter* parameter : model.parameters()) {
    const std::string path = parameter->path();
    const bool generator = path.starts_with(kGenerator);
    (generator ? generators : own)
        .push_back({generator ? path.substr(kGenerator.size()) : path,
                    parameter->value().to(Device::cpu)});
  }
  if (model.detects()) {
    const Tensor table = model.generator_table().weight.value().to(Device::cpu);
    if (model.delta()) {
      own.push_back({kTable, summed(table, model.delta()->value().to(Device::cpu))});
    }
    if (model.options().sharing == EmbeddingSharing::es) generators.push_back({kTable, table});
  }
  write_model(folder, own);
  write_config(folder, model.config(), !model.detects());
  if (!model.detects()) return;
  write_model(folder / "generator", generators);
  write_config(folder / "generator", model.generator_config(), true);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
