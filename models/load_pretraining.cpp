#include "models/load_pretraining.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "models/family.h"
#include "models/stored_names.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/init.h"

namespace soragrad::models {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kGenerator = "generator.";

// The word table's name in a file.
std::string table_name(const Family& family) {
  return fmt::format("{}.embeddings.word_embeddings.weight", family.prefix);
}

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

// The file with its language model's head under the names that the model has: transformers' class
// for "legacy": true has others, and a tied bias may stand under its decoder's name alone.
nn::Checkpoint with_head_names(nn::Checkpoint file, const Family& family) {
  if (!family.language_model) return file;
  const LanguageModelNames& own = *family.language_model;
  const std::string bias = fmt::format("{}.bias", own.head);
  std::vector<std::pair<std::string, std::string>> names;  // of the file and of the model
  if (const LanguageModelNames* legacy = family.legacy_language_model) {
    for (const char* leaf : {"weight", "bias"}) {
      names.emplace_back(fmt::format("{}.{}.{}", legacy->head, legacy->dense, leaf),
                         fmt::format("{}.{}.{}", own.head, own.dense, leaf));
      names.emplace_back(fmt::format("{}.{}.{}", legacy->head, legacy->norm, leaf),
                         fmt::format("{}.{}.{}", own.head, own.norm, leaf));
    }
    names.emplace_back(fmt::format("{}.bias", legacy->head), bias);
    names.emplace_back(fmt::format("{}.decoder.bias", legacy->head), bias);
  }
  names.emplace_back(fmt::format("{}.decoder.bias", own.head), bias);
  std::vector<nn::StoredTensor> tensors = file.tensors();
  const auto find = [&](const std::string& name) {
    return std::ranges::find(tensors, name, &nn::StoredTensor::name);
  };
  for (const auto& [from, to] : names) {
    const auto found = find(from);
    if (found != tensors.end() && find(to) == tensors.end()) found->name = to;
  }
  return nn::Checkpoint(std::move(tensors), file.metadata(), file.where());
}

// Paths of the modules of a classifier's head, each with a dot behind.
std::vector<std::string> classifier_modules(const ModelConfig& config) {
  nn::Module root;
  const auto head = config.family->make_head(&root, config);
  std::vector<std::string> paths;
  for (const nn::Module* module : root.children()) paths.push_back(module->path() + ".");
  return paths;
}

// The model itself or its generator, and the folder that it is read from.
struct Part {
  fs::path folder;
  std::string_view prefix;  // of its names in the model, which the file lacks
  std::vector<nn::Parameter*> parameters;
};

nn::Checkpoint open_part(const Part& part, const Family& family, std::vector<std::string>& notes) {
  return with_head_names(without_wrappers(nn::open_checkpoint(part.folder), notes), family);
}

// Gives the part's parameters the file's values. Heads may be absent. What a classifier's file may
// hold beside - poolers, heads of tasks, tied copies - is not read; any other tensor is refused.
void load_part(const Part& part, const nn::Checkpoint& file, const ModelConfig& config) {
  const Family& family = *config.family;
  const std::string base = fmt::format("{}.", family.prefix), table = table_name(family);
  const std::vector<std::string> heads = classifier_modules(config);
  std::set<std::string, std::less<>> wanted;
  for (const nn::Parameter* parameter : part.parameters) wanted.insert(parameter->path());
  const auto own_name = [&](std::string_view name) { return name.substr(part.prefix.size()); };
  nn::StateRules rules;
  rules.prefix = std::string(part.prefix) + missing_prefix(file, family);
  rules.ignored = [&](std::string_view name) {
    if (wanted.contains(name)) return false;
    const std::string_view own = own_name(name);
    // A table that the part has no parameter of: of es in the generator's file, of gdes.
    return own == table || is_unused(family, own) ||
           std::ranges::any_of(heads,
                               [&](const std::string& head) { return own.starts_with(head); });
  };
  rules.may_be_absent = [&](std::string_view name) { return !own_name(name).starts_with(base); };
  nn::load_state(part.parameters, file, rules);
  for (nn::Parameter* parameter : part.parameters) {  // they train; the file's memory does not
    if (parameter->defined()) parameter->assign(parameter->value().clone());
  }
}

// The discriminator's table of gdes: E_delta = its table - E_G where the generator's was read, else
// E_G is its table and E_delta stays 0.
void load_disentangled(const nn::Checkpoint& file, bool has_generator, PretrainingModel& model) {
  const Family& family = *model.config().family;
  const std::string name = table_name(family).substr(missing_prefix(file, family).size());
  require(file.contains(name), "[{}] {} is missing.", file.where(), name);
  const Tensor table = nn::load_tensor(file, name);
  const nn::Parameter& shared = model.generator_table().weight;
  require(table.shape() == shared.declared_shape(), "[{}] {} is {}; the model's is {}.",
          file.where(), name, table.shape(), shared.declared_shape());
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

void load_weights(const fs::path& folder, PretrainingModel& model,
                  std::vector<std::string>& notes) {
  Part own{folder, "", {}}, generator{folder / "generator", kGenerator, {}};
  for (nn::Parameter* parameter : model.parameters()) {
    if (parameter == model.delta()) continue;
    (parameter->path().starts_with(kGenerator) ? generator : own).parameters.push_back(parameter);
  }
  const Family& family = *model.config().family;
  const bool has_generator =
      !generator.parameters.empty() && !nn::weights_file(generator.folder).empty();
  if (has_generator) {
    load_part(generator, open_part(generator, family, notes), model.generator_config());
  }
  if (nn::weights_file(folder).empty()) return;
  const nn::Checkpoint file = open_part(own, family, notes);
  load_part(own, file, model.config());
  if (model.delta()) load_disentangled(file, has_generator, model);
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
  load_weights(folder, model, result.notes);
  for (nn::Parameter* parameter : model.parameters()) {
    if (!parameter->defined()) {
      parameter->assign(initial_value(*parameter, model.delta(), config, options.seed));
      result.drawn.push_back(parameter->path());
    } else {
      ++result.loaded;
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
    const std::string name = table_name(*model.config().family);
    const Tensor table = model.generator_table().weight.value().to(Device::cpu);
    if (model.delta()) {
      own.push_back({name, summed(table, model.delta()->value().to(Device::cpu))});
    }
    if (model.options().sharing == EmbeddingSharing::es) generators.push_back({name, table});
  }
  write_model(folder, own);
  write_config(folder, model.config(), !model.detects());
  if (!model.detects()) return;
  write_model(folder / "generator", generators);
  write_config(folder / "generator", model.generator_config(), true);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
