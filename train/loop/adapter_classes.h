// The order of an adapter's classes. The head that an adapter brings has its rows in the order of
// the run that made it; the model that takes it may have another.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "sora/adapter_file.h"

namespace soragrad::train {

// The names of the adapter's classes in the order of its head, given the folder of its base model.
// Empty if they are not known, or if it gives a score.
std::vector<std::string> adapter_classes(const sora::AdapterInfo& info, const std::string& base);

// Brings a head that has been read from an adapter with these classes into the order of the model's
// classes, by their names without regard to case. `absent`: paths of the head's parameters that the
// adapter does not hold. Returns whether that could be done: false, and nothing changes, if the
// model's classes are another set of names.
bool order_head(models::SequenceClassifier& model, const std::vector<std::string>& classes,
                std::span<const std::string> absent = {});

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
