#include "cli/output_file.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "core/output_path.h"
#include "core/text.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

// Beside one of these, the files of kParts belong to a model, an adapter or a run.
constexpr std::string_view kMarks[] = {"config.json", "config.yaml", "adapter_config.json",
                                       "state.json"};
constexpr std::string_view kParts[] = {
    "added_tokens.json", "evaluation.json",   "gates.bin",      "merges.txt",
    "metrics.jsonl",     "results.json",      "spm.model",      "special_tokens_map.json",
    "split.json",        "state.safetensors", "tokenizer.json", "tokenizer_config.json",
    "vocab.json",        "vocab.txt",         "path.json",      "path.csv"};
constexpr std::string_view kWeights[] = {"model", "pytorch_model", "adapter_model"};

template <typename Names>
bool holds(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::end(names);
}

bool is_weights(const fs::path& file) {
  const std::string name = file.filename().string();
  return (name.ends_with(".safetensors") || name.ends_with(".bin") || name.ends_with(".json")) &&
         std::ranges::any_of(kWeights,
                             [&](std::string_view begin) { return name.starts_with(begin); });
}

// `file` exists.
bool is_part(const fs::path& file) {
  const std::string name = file.filename().string();
  if (holds(kMarks, name)) return true;
  std::error_code error;
  return (holds(kParts, name) || is_weights(file)) &&
         std::ranges::any_of(kMarks, [&](std::string_view mark) {
           return fs::exists(file.parent_path() / mark, error);
         });
}

}  // namespace

void require_result_file(const std::string& path, const std::vector<std::string>& inputs) {
  require_output_file(path);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return;
  for (const std::string& input : inputs) {
    require(input.empty() || !fs::equivalent(path, input, error),
            "[output] {} is the file that is read; name another.", shown(path));
  }
  const fs::path file = fs::canonical(path, error);
  require(error || !is_part(file),
          "[output] {} exists and belongs to a model, an adapter or a run; name another file.",
          shown(path));
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
