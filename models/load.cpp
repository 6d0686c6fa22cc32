#include "models/load.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "models/family.h"
#include "models/labels.h"
#include "models/self_attention.h"
#include "models/stored_names.h"
#include "nn/checkpoint/state_dict.h"
#include "nn/init.h"
#include "nn/linear.h"

namespace soragrad::models {
namespace {

// What became of the model's classes when the task's were set.
struct Classes {
  std::vector<std::string> others;  // the names that its head had if they are others
  std::optional<ClassMap> moved;    // from the task's order to the file's, if the model leaves it
};

Classes set_classes(ModelConfig& config, const LoadOptions& options) {
  require(options.num_labels >= 0, "[num_labels] {} labels; 0 takes the number of config.json.",
          options.num_labels);
  if (options.labels.empty()) {
    if (options.num_labels > 0) set_labels(config, options.num_labels, options.regression);
    return {};
  }
  auto found = find_classes(config.label_names, options.labels);
  Classes classes;
  if (!found && config.label_names.size() == options.labels.size()) {
    classes.others = config.label_names;
  }
  set_labels(config, static_cast<int64_t>(options.labels.size()), false);
  if (!options.problem_type.empty()) config.problem_type = options.problem_type;
  config.label_names = options.labels;
  if (options.takes_task_order) {
    classes.moved = std::move(found);
    return classes;
  }
  for (size_t i = 0; found && i < options.labels.size(); ++i) {
    const auto number = static_cast<size_t>((*found)[static_cast<int64_t>(i)]);
    config.label_names[number] = options.labels[i];
  }
  return classes;
}

// Whether the file's classifier is one of another number of labels.
bool has_other_labels(const nn::Checkpoint& checkpoint, const ModelConfig& config,
                      std::string_view classifier) {
  const nn::StoredTensor* weight = checkpoint.find(fmt::format("{}.weight", classifier));
  return weight && weight->sizes.size() == 2 && weight->sizes[0] != config.num_labels &&
         weight->sizes[1] == config.hidden_size;
}

// A head of as many labels as the task has, below a config.json that names another number, may be
// any task's: nothing tells which.
void refuse_contradiction(const nn::Checkpoint& checkpoint, const ModelConfig& config,
                          std::span<const std::string> stated) {
  if (!are_named(stated) || static_cast<int64_t>(stated.size()) == config.num_labels) return;
  const std::string name = fmt::format("{}.weight", config.family->classifier);
  const nn::StoredTensor* weight = checkpoint.find(name);
  require(!weight || weight->sizes.empty() || weight->sizes[0] != config.num_labels,
          "[{}] {} has {} rows, but config.json names {} labels ({}); correct its id2label.",
          checkpoint.where(), name, config.num_labels, stated.size(), shown_names(stated));
}

nn::StateRules rules_for(const nn::Checkpoint& checkpoint, SequenceClassifier& model,
                         bool other_classes) {
  const ModelConfig& config = model.config();
  const Family& family = *config.family;
  nn::StateRules rules;
  rules.prefix = missing_prefix(checkpoint, family);
  const std::string other = other_classes || has_other_labels(checkpoint, config, family.classifier)
                                ? fmt::format("{}.", family.classifier)
                                : "";
  rules.ignored = [&family, other](std::string_view name) {
    return is_unused(family, name) || (!other.empty() && name.starts_with(other));
  };
  rules.may_be_absent = [&model](std::string_view name) {
    const nn::Parameter* parameter = model.find_parameter(std::string(name));
    return parameter && nn::is_head(*parameter);
  };
  return rules;
}

void draw(nn::Parameter& parameter, const ModelConfig& config, const LoadOptions& options) {
  const Shape& shape = parameter.declared_shape();
  const std::string path = parameter.path();
  const Tensor value = path.ends_with(".bias")
                           ? Tensor::zeros(shape)
                           : nn::normal(shape, config.initializer_range, options.seed, path);
  parameter.assign(value.to(options.device));
}

}  // namespace

LoadedModel load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  ModelConfig config = read_config(folder);
  const std::vector<std::string> stated = config.label_names;
  Classes classes = set_classes(config, options);
  if (options.hidden_dropout_prob) config.hidden_dropout_prob = *options.hidden_dropout_prob;
  if (options.attention_probs_dropout_prob) {
    config.attention_probs_dropout_prob = *options.attention_probs_dropout_prob;
  }
  if (options.classifier_dropout) config.classifier_dropout = options.classifier_dropout;

  LoadedModel loaded{
      std::make_unique<SequenceClassifier>(config), {}, std::move(classes.others), {}};
  const nn::Checkpoint checkpoint = without_wrappers(nn::open_checkpoint(folder), loaded.notes);
  refuse_contradiction(checkpoint, config, stated);
  const bool other_classes = !loaded.other_labels.empty();
  const auto absent =
      nn::load_state(*loaded.model, checkpoint, rules_for(checkpoint, *loaded.model, other_classes),
                     options.device);
  for (nn::Parameter* parameter : absent) {
    draw(*parameter, config, options);
    loaded.drawn.push_back(parameter->path());
  }
  if (classes.moved) move_class_rows(*loaded.model, *classes.moved, loaded.drawn);
  loaded.model->for_each_module([&](nn::Module& module) {
    auto* linear = dynamic_cast<nn::Linear*>(&module);
    if (linear && !nn::is_head(*linear)) linear->set_precision(options.precision);
    auto* attention = dynamic_cast<SelfAttention*>(&module);
    if (attention) attention->set_precision(options.precision);
  });
  return loaded;
}

void move_class_rows(SequenceClassifier& model, const ClassMap& classes,
                     std::span<const std::string> kept) {
  for (const char* name : {"weight", "bias"}) {
    const std::string path = fmt::format("{}.{}", model.config().family->classifier, name);
    nn::Parameter* parameter = model.find_parameter(path);
    if (!parameter || std::ranges::find(kept, path) != kept.end()) continue;
    const Tensor& value = parameter->value();
    const std::vector<real> from = value.to_vector();
    const size_t width = from.size() / static_cast<size_t>(classes.size());
    std::vector<real> to;
    for (int64_t i = 0; i < classes.size(); ++i) {
      const auto row = from.begin() + static_cast<std::ptrdiff_t>(classes[i] * width);
      to.insert(to.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
    parameter->assign(Tensor::from(to, value.shape()).to(value.device()));
  }
}

void save_model(const std::filesystem::path& folder, SequenceClassifier& model) {
  model.for_each_module([](nn::Module& module) {
    const auto* linear = dynamic_cast<nn::Linear*>(&module);
    require(!linear || !linear->delta(), "[save_model] {} has a delta attached; merge it first.",
            linear ? linear->path() : "");
  });
  make_folders(folder);
  nn::save_state(folder / "model.safetensors", model.parameters());
  write_file_atomically((folder / "config.json").string(), to_json(model.config()));
}

std::string drawn_line(const LoadedModel& loaded, uint64_t seed) {
  if (loaded.drawn.empty()) return "";
  const ModelConfig& config = loaded.model->config();
  const std::string names = fmt::format("{}", fmt::join(loaded.drawn, ", "));
  if (!loaded.other_labels.empty()) {
    return fmt::format("{} drawn from seed {}: the checkpoint's classes are {}; the task's are {}.",
                       names, seed, shown_names(loaded.other_labels),
                       shown_names(config.label_names));
  }
  return fmt::format("{} drawn from seed {}: the checkpoint has none for {} labels.", names, seed,
                     config.num_labels);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
