// Models from and to Hugging Face model folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/packed_matrix.h"
#include "models/model.h"

namespace soragrad::models {

struct LoadOptions {
  int64_t num_labels = 0;  // 0: as config.json says
  bool regression = false;
  uint64_t seed = 42;  // of freshly drawn head weights
  Device device = Device::cpu;
  Precision precision = Precision::fp32;  // of the trunk's Linears and, on a GPU, of attention;
                                          // the head computes in fp32
  // Instead of config.json's.
  std::optional<double> hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout;
};

struct LoadedModel {
  std::unique_ptr<SequenceClassifier> model;
  std::vector<std::string> drawn;  // parameters of the head that were drawn, for one line of log
};

// Reads config.json and the weights of a folder. All parameters are frozen. Head weights that are
// absent, or of another number of labels, are drawn from N(0, initializer_range) as a function of
// seed and name; biases are 0. Throws with all missing, unexpected and mis-shaped names.
LoadedModel load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

// Writes model.safetensors and config.json into the folder (created where missing). Parameters of
// attached deltas are refused: merge them first.
void save_model(const std::filesystem::path& folder, SequenceClassifier& model);

// "pooler.dense.weight, ... drawn from seed 42 ..." for the log; empty where nothing was drawn.
std::string drawn_line(const LoadedModel& loaded, uint64_t seed);

}  // namespace soragrad::models
