#include "train/run/run_inputs.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "train/config/own_data.h"

namespace soragrad::train {

namespace fs = std::filesystem;

Verb verb_of(const RunFolder& folder) {
  const bool pretrains =
      read_file(folder.file("config.yaml")).find("\nobjective: ") != std::string::npos;
  return pretrains ? Verb::pretrain : Verb::train;
}

Config config_of(const RunFolder& folder, Verb wanted) {
  Config result;
  result.verb = verb_of(folder);
  require(result.verb == wanted || wanted == Verb::pretrain,
          "[{}] is a run of pre-training. Its folder `final` is a model, for --model or model=; "
          "`soragrad pretrain --resume` continues the run.",
          shown(folder.path()));
  require(result.verb == wanted,
          "[{}] is a run of `train`, not of `pretrain`; `soragrad train --resume` continues it.",
          shown(folder.path()));
  read_yaml(result, folder.file("config.yaml"));
  return result;
}

void require_model_folder(const std::string& folder) {
  std::error_code error;
  if (fs::exists(folder + "/config.json", error)) return;
  require(
      !RunFolder::is_run(folder),
      "[{}] is a run, not a model folder; eval, predict, export and inspect take it by --run or "
      "as PATH, and its config.yaml names its base model.",
      shown(folder));
  require(!fs::exists(folder + "/adapter_config.json", error),
          "[{}] is an adapter, not a model folder; give it by --adapter, and its base model by "
          "--model.",
          shown(folder));
}

void refuse_to_empty_inputs(const Config& config) {
  const auto refuse = [&](const std::string& path) {
    if (path.empty()) return;
    std::error_code error;
    const fs::path output = fs::weakly_canonical(config.output, error);
    const fs::path inside = fs::weakly_canonical(path, error).lexically_relative(output);
    require(
        inside.empty() ||
            std::ranges::find(kRunFolders, inside.begin()->string()) == std::end(kRunFolders),
        "[run] {} lies in the run folder {}, which would be emptied; choose another output=DIR.",
        shown(path), shown(config.output));
  };
  for (const std::string* path :
       {&config.model, &config.data, &config.initial_state, &config.pretrain.batches}) {
    refuse(*path);
  }
  for (const std::string* list : {&config.train_file, &config.validation_file, &config.test_file,
                                  &config.pretrain.corpus, &config.pretrain.validation_corpus}) {
    for (const std::string& path : file_list(*list)) refuse(path);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
