#include "models/stored_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace soragrad::models {

bool is_unused(const Family& family, std::string_view name) {
  if (name.ends_with("._weight") || name.ends_with(".position_ids")) return true;  // any family's
  return std::ranges::any_of(family.unused,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string missing_prefix(const nn::Checkpoint& checkpoint, const Family& family) {
  std::string base = fmt::format("{}.", family.prefix);
  const bool found = std::ranges::any_of(checkpoint.tensors(), [&](const nn::StoredTensor& tensor) {
    return tensor.name.starts_with(base);
  });
  const bool bare = !found && checkpoint.contains("embeddings.word_embeddings.weight");
  return bare ? base : std::string();
}

nn::Checkpoint without_wrappers(nn::Checkpoint checkpoint, std::vector<std::string>& notes) {
  std::vector<nn::StoredTensor> tensors = checkpoint.tensors();
  std::string stripped;
  for (bool found = !tensors.empty(); found;) {
    found = false;
    for (const std::string_view prefix : {"module.", "_orig_mod."}) {
      const bool all = std::ranges::all_of(tensors, [&](const nn::StoredTensor& tensor) {
        return tensor.name.starts_with(prefix) && tensor.name.size() > prefix.size();
      });
      if (!all) continue;
      for (nn::StoredTensor& tensor : tensors) tensor.name.erase(0, prefix.size());
      stripped += prefix;
      found = true;
    }
  }
  if (stripped.empty()) return checkpoint;
  notes.push_back(fmt::format("{}: every name begins with {}, which is left out.",
                              checkpoint.where(), shown(stripped)));
  return nn::Checkpoint(std::move(tensors), checkpoint.metadata(), checkpoint.where());
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
