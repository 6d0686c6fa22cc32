// Pre-training models from and to Hugging Face model folders.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/pretraining.h"

namespace soragrad::models {

struct PretrainingLoadOptions {
  PretrainingOptions model;
  uint64_t seed = 42;  // of parameters that are drawn
  Device device = Device::cpu;
  Precision precision = Precision::fp32;
  // Instead of config.json's.
  std::optional<double> hidden_dropout_prob, attention_probs_dropout_prob;
};

struct LoadedPretraining {
  std::unique_ptr<PretrainingModel> model;
  int64_t loaded = 0;              // parameters that a file has
  std::vector<std::string> drawn;  // paths of the others
  std::vector<std::string> notes;  // lines for the log about the files
};

// Reads config.json of a folder and its weights where it has any; the generator's come from
// FOLDER/generator where that is there. What no file has is drawn: N(0, initializer_range) as a
// function of seed and name, LayerNorms 1 and 0, biases 0, E_delta 0: whole models without a file,
// and heads that a file lacks. All parameters train. gdes with weights of both: E_delta is the
// difference of the two tables. Throws, listing all missing, unexpected and mis-shaped names, if a
// file lacks part of the backbone or holds what no model of its family has.
LoadedPretraining load_pretraining(const std::filesystem::path& folder,
                                   const PretrainingLoadOptions& options);

// Writes model.safetensors and config.json of the model - under rtd the discriminator with its
// head, for gdes with the sum of its tables - into FOLDER, and the generator into FOLDER/generator.
void save_pretraining(const std::filesystem::path& folder, PretrainingModel& model);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
