// Models from and to Hugging Face model folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/packed_matrix.h"
#include "models/labels.h"
#include "models/model.h"

namespace soragrad::models {

struct LoadOptions {
  // Names of the task's classes in the task's order. Empty: as config.json says, or num_labels.
  // If config.json has the same names in another order, the model keeps its own (models/labels.h);
  // the head of another set of classes is drawn anew.
  std::vector<std::string> labels = {};
  // The model gets the task's order instead: rows of the head follow their names.
  bool takes_task_order = false;
  int64_t num_labels = 0;   // used if there are no `labels`; 0: as config.json says
  bool regression = false;  // a single score instead of classes
  // Hugging Face's name of the kind of answers; empty: by `regression`.
  std::string problem_type = {};
  uint64_t seed = 42;  // of freshly drawn head weights
  Device device = Device::cpu;
  // Of the backbone's Linears and of attention. The head computes in fp32.
  Precision precision = Precision::fp32;
  // Used instead of config.json's, if set.
  std::optional<double> hidden_dropout_prob = {}, attention_probs_dropout_prob = {},
                        classifier_dropout = {};
};

struct LoadedModel {
  std::unique_ptr<SequenceClassifier> model;
  std::vector<std::string> drawn;  // paths of the head's parameters that were drawn
  // Names of the classes of a head that was not taken, because the task's are others.
  std::vector<std::string> other_labels;
  std::vector<std::string> notes;  // lines for the log about the files
};

// Reads config.json and the weights of a folder. All parameters are frozen. Weights of the head
// that are absent, or of other classes, are drawn from N(0, initializer_range) as a function of
// seed and name; its biases are then 0. Throws if a file cannot be read, or listing all missing,
// unexpected and mis-shaped names.
LoadedModel load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

// Brings the rows of the classifier's weight and bias into another order: row i becomes what row
// classes[i] was. Parameters whose paths are in `kept` stay as they are.
void move_class_rows(SequenceClassifier& model, const ClassMap& classes,
                     std::span<const std::string> kept);

// Writes model.safetensors and config.json into the folder, which is created if it is missing.
// Throws if an adapter is attached: merge it first (sora/merge.h).
void save_model(const std::filesystem::path& folder, SequenceClassifier& model);

// One line for the log: "pooler.dense.weight, ... drawn from seed 42: ...". Empty if nothing was
// drawn.
std::string drawn_line(const LoadedModel& loaded, uint64_t seed);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
