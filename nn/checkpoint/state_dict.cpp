#include "nn/checkpoint/state_dict.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"

namespace soragrad::nn {
namespace {

constexpr size_t kListedNames = 10;

// One kind of misfit: its count and the first names.
struct Misfits {
  const char* kind;
  std::vector<std::string> names{};
  size_t count = 0;

  void add(std::string name) {
    if (++count <= kListedNames) names.push_back(std::move(name));
  }
  // The count and as many of the names as fit into about this many bytes, at least one.
  std::string text(size_t bytes) const {
    size_t listed = 1;
    for (size_t size = names[0].size(); listed < names.size(); ++listed) {
      size += 2 + names[listed].size();
      if (size > bytes) break;
    }
    return fmt::format(
        "{} {} ({}{})", count, kind,
        fmt::join(names.begin(), names.begin() + static_cast<ptrdiff_t>(listed), ", "),
        listed < count ? ", ..." : "");
  }
};

bool holds(const std::function<bool(std::string_view)>& predicate, std::string_view name) {
  return predicate && predicate(name);
}

// What to do about tensors that do not fit, by what trainers write around a model's names.
std::string advice_on(const Checkpoint& checkpoint) {
  for (const char* entry : {"state_dict", "model_state_dict", "model"}) {
    if (!checkpoint.contains(entry)) continue;
    return fmt::format("It is a training checkpoint: save its entry '{}' alone", entry);
  }
  for (const std::string_view prefix : {"model.", "base_model.model."}) {
    const bool all = std::ranges::all_of(checkpoint.tensors(), [&](const StoredTensor& tensor) {
      return tensor.name.starts_with(prefix);
    });
    if (all)
      return fmt::format("Save the names without the \"{}\" that they all begin with", prefix);
  }
  return "Compare its config.json with this file";
}

void refuse_misfits(const Checkpoint& checkpoint, std::span<const Misfits> misfits) {
  constexpr size_t kNameBytes = 260;  // of all lists: leaves room for the path and the advice
  const auto kinds = std::count_if(misfits.begin(), misfits.end(),
                                   [](const Misfits& kind) { return kind.count > 0; });
  std::vector<std::string> parts;
  for (const Misfits& kind : misfits) {
    if (kind.count > 0) parts.push_back(kind.text(kNameBytes / static_cast<size_t>(kinds)));
  }
  require(parts.empty(), "[{}] the tensors do not fit the model: {}. {}.", checkpoint.where(),
          fmt::join(parts, "; "), advice_on(checkpoint));
}

bool same_sizes(std::span<const int64_t> a, std::span<const int64_t> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

}  // namespace

Tensor load_tensor(const Checkpoint& checkpoint, std::string_view name) {
  const StoredTensor& stored = checkpoint.at(name);
  stored.require_loadable();
  const Shape shape(stored.sizes);
  if (const auto mapped = checkpoint.mapped(name, kReal)) {
    // The mapping is read-only until it is written by Storage::begin_write(). Parameters that train
    // are moved to the optimizer's own memory.
    auto* data = const_cast<std::byte*>(mapped->bytes.data());
    return Tensor(std::make_shared<Storage>(Device::cpu, data, mapped->bytes.size(), mapped->owner),
                  0, shape, kReal);
  }
  Tensor result = Tensor::empty(shape);
  copy_to(stored, std::span(result.data(), static_cast<size_t>(result.numel())));
  return result;
}

std::vector<Parameter*> load_state(std::span<Parameter* const> parameters,
                                   const Checkpoint& checkpoint, const StateRules& rules,
                                   Device device) {
  std::unordered_map<std::string, const StoredTensor*> stored;  // under the module's names
  for (const StoredTensor& tensor : checkpoint.tensors()) {
    std::string name = rules.prefix + tensor.name;
    if (!holds(rules.ignored, name)) stored.emplace(std::move(name), &tensor);
  }
  Misfits misfits[] = {{"missing"}, {"unexpected"}, {"mis-shaped"}};
  auto& [missing, unexpected, mis_shaped] = misfits;
  std::vector<Parameter*> absent;
  std::vector<std::pair<Parameter*, const StoredTensor*>> found;
  for (Parameter* parameter : parameters) {
    const std::string path = parameter->path();
    const auto entry = stored.find(path);
    if (entry == stored.end()) {
      holds(rules.may_be_absent, path) ? absent.push_back(parameter) : missing.add(path);
      continue;
    }
    const auto& sizes = entry->second->sizes;
    if (!same_sizes(sizes, parameter->declared_shape().sizes())) {
      mis_shaped.add(
          fmt::format("{} is {} instead of {}", path, to_text(sizes), parameter->declared_shape()));
    }
    found.emplace_back(parameter, entry->second);
    stored.erase(entry);
  }
  for (const StoredTensor& tensor : checkpoint.tensors()) {  // in the file's order
    if (stored.contains(rules.prefix + tensor.name)) unexpected.add(shown(tensor.name));
  }
  refuse_misfits(checkpoint, misfits);

  std::vector<Tensor> values(found.size());
  parallel_for(static_cast<int64_t>(found.size()), [&](int64_t task) {
    const auto i = static_cast<size_t>(task);
    values[i] = load_tensor(checkpoint, found[i].second->name);
  });
  for (size_t i = 0; i < found.size(); ++i) {
    found[i].first->assign(std::exchange(values[i], Tensor()).to(device));
  }
  return absent;
}

std::vector<Parameter*> load_state(Module& module, const Checkpoint& checkpoint,
                                   const StateRules& rules, Device device) {
  return load_state(module.parameters(), checkpoint, rules, device);
}

void save_state(const std::filesystem::path& path, std::span<Parameter* const> parameters,
                Metadata metadata) {
  std::vector<Tensor> values;  // keeps copies from a device alive
  SafetensorsWriter writer(std::move(metadata));
  for (const Parameter* parameter : parameters) {
    require(parameter->defined(), "[{}] {} has no value to save.", shown(path.string()),
            parameter->path());
    values.push_back(parameter->value().to(Device::cpu));
    const Tensor& value = values.back();
    writer.add(parameter->path(), value.dtype(), value.shape().sizes(),
               std::span<const std::byte>(value.raw(), value.bytes()));
  }
  writer.write(path);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
