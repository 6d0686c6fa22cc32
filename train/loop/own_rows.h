// Own data (task=custom) as a run reads it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/custom/custom.h"
#include "train/config/config.h"

namespace soragrad::train {

// Reads the files that the configuration names; classes are in the order of the model's id2label if
// that has the same names. Passes one line for each warning to `note`, and settles
// metric_for_best_model. Throws what data::load_custom() throws, and for a metric that the task
// does not have.
std::shared_ptr<data::CustomData> load_own_data(
    Config& config, const std::function<void(const std::string&)>& note);

// Throws, naming the key that names it anew, if a file that the run of this folder read is gone.
void require_own_files(const data::CustomKeys& keys, const std::string& run);

// The names of a model folder's id2label in class order; empty if it has only LABEL_0, LABEL_1 ...,
// or if `model` is empty.
std::vector<std::string> model_labels(const std::string& model);

// Multiplies the weight of each row with that of its class.
void apply_class_weights(const Config& config, const data::Task& task,
                         std::vector<data::Example>& rows);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
