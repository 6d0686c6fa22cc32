#include "sora/peft_export.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "core/atomic_file.h"
#include "core/file.h"
#include "core/json.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/gated_delta.h"
#include "sora/merge.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";

struct Exported {
  nn::Linear* linear;
  FoldedDelta delta;
};

// Deltas of the encoder with some rank left. Where none has, a Linear with rank 1 of zeros: peft's
// LoRA needs a module and r >= 1.
std::vector<Exported> exported(nn::Module& model) {
  const std::vector<GatedDelta*> deltas = gated_deltas(model);
  require(!deltas.empty(),
          "[export] the model has no low-rank adapter, and peft has none of this method. The run's "
          "final/ is the adapter; biases (bitfit) can be written into a model by --format merged.");
  std::vector<Exported> kept;
  for (const GatedDelta* delta : deltas) {
    if (nn::is_head(delta->linear())) continue;
    FoldedDelta folded = fold(*delta);
    if (folded.rank > 0) kept.push_back({&delta->linear(), std::move(folded)});
  }
  if (kept.empty()) {
    nn::Linear& first = *find_targets(model, {}).front();
    kept.push_back(
        {&first, {1, Tensor::zeros({1, first.in()}), Tensor::zeros({first.out(), 1}), 1}});
  }
  return kept;
}

// A path without the model's own name in front: "deberta.encoder.layer.0.x" from "encoder." on. A
// pattern's key must match behind a dot in older releases of peft, so it cannot be the whole path.
std::string portable(const std::string& path) {
  return path.substr(path.find('.') + 1);
}

// Names that select exactly these Linears: short ones ("query_proj") if that is possible.
std::vector<std::string> targets(nn::Module& model, const std::vector<Exported>& kept) {
  std::set<std::string> paths, ends;
  for (const Exported& each : kept) {
    const std::string path = portable(each.linear->path());
    paths.insert(path);
    const auto split = nn::split_layer(path);
    ends.insert(split ? std::string(split->within) : path);
  }
  std::vector<std::string> names(ends.begin(), ends.end());
  if (find_targets(model, names).size() == kept.size()) return names;
  return {paths.begin(), paths.end()};
}

// 16 rather than 16.0 if a number is whole.
nlohmann::json number(double value) {
  const auto whole = static_cast<int64_t>(value);
  if (static_cast<double>(whole) == value) return whole;
  return value;
}

nlohmann::json config_of(nn::Module& model, const std::vector<Exported>& kept,
                         const std::set<std::string>& modules_to_save, const AdapterInfo& info) {
  const auto alpha = [](const Exported& each) {
    return number(each.delta.factor * static_cast<double>(each.delta.rank));
  };
  nlohmann::json ranks = nlohmann::json::object(), alphas = nlohmann::json::object();
  const Exported& largest = *std::max_element(
      kept.begin(), kept.end(),
      [](const Exported& a, const Exported& b) { return a.delta.rank < b.delta.rank; });
  const bool uniform = std::all_of(kept.begin(), kept.end(), [&](const Exported& each) {
    return each.delta.rank == largest.delta.rank && each.delta.factor == largest.delta.factor;
  });
  if (!uniform) {
    // Older releases look both values up under one key, so the patterns have the same keys.
    for (const Exported& each : kept) {
      const std::string key = portable(each.linear->path());
      ranks[key] = each.delta.rank;
      alphas[key] = alpha(each);
    }
  }
  // No key that is younger than patterns: a release that does not know one refuses the adapter.
  return {{"peft_type", "LORA"},
          {"task_type", "SEQ_CLS"},
          {"base_model_name_or_path", info.base_model},
          {"revision", nullptr},
          {"inference_mode", true},
          {"r", largest.delta.rank},
          {"lora_alpha", alpha(largest)},
          {"lora_dropout", 0.0},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"init_lora_weights", true},
          {"target_modules", targets(model, kept)},
          {"modules_to_save", modules_to_save},
          {"rank_pattern", ranks},
          {"alpha_pattern", alphas},
          {"layers_to_transform", nullptr},
          {"layers_pattern", nullptr},
          {"auto_mapping", nullptr}};
}

}  // namespace

void export_peft(const std::filesystem::path& folder, nn::Module& model, const AdapterInfo& info) {
  const std::vector<Exported> kept = exported(model);
  make_folders(folder);
  nn::SafetensorsWriter writer;
  std::vector<Tensor> host;  // what the writer borrows
  const auto add = [&](const std::string& path, const Tensor& value) {
    host.push_back(value.to(Device::cpu));
    writer.add(std::string(kPrefix) + path, host.back().dtype(), value.shape().sizes(),
               {host.back().raw(), host.back().bytes()});
  };
  for (const Exported& each : kept) {
    add(each.linear->path() + ".lora_A.weight", each.delta.a);
    add(each.linear->path() + ".lora_B.weight", each.delta.b);
  }
  // The head is trained, or drawn and frozen: the base checkpoint does not hold it either way. A
  // delta there, which only imported adapters have, is merged into the weight that is saved.
  std::map<const nn::Parameter*, const GatedDelta*> merged;
  std::set<const nn::Parameter*> left_out;
  for (const GatedDelta* delta : gated_deltas(model)) {
    merged[&delta->linear().weight] = delta;
    left_out.insert({&delta->a, &delta->b});
    if (delta->gate) left_out.insert(&*delta->gate);
  }
  std::set<std::string> modules_to_save;
  model.for_each_parameter([&](nn::Parameter& parameter) {
    const std::string path = parameter.path();
    const nn::Module* head = nn::head_of(parameter);
    if (!head || left_out.contains(&parameter)) return;
    const auto found = merged.find(&parameter);
    add(path, found == merged.end() ? parameter.value()
                                    : merged_weight(found->second->linear(), fold(*found->second)));
    const std::string module = head->path();  // peft takes the last part of it
    modules_to_save.insert(module.substr(module.rfind('.') + 1));
  });
  writer.write(folder / "adapter_model.safetensors");
  AtomicFile file(folder / "adapter_config.json");
  file.write(json_text(config_of(model, kept, modules_to_save, info), 2) + "\n");
  file.commit();
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
