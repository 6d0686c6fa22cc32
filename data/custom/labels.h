// From the labels of train to the problem's type and its classes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/custom/file.h"

namespace soragrad::data {

using CustomFiles = std::vector<std::unique_ptr<CustomFile>>;

// The key `problem_type`; else multi-label if labels are lists, regression if every label is a
// number and one has a point or an exponent (and the key `labels` is not set), else single label.
// Throws a UsageError for an unknown key, and if no row has a label.
ProblemType problem_type_of(const CustomFiles& train, const CustomKeys& keys);

// Names in the order of the classes: the key `labels`; else `model_labels` (of config.json's
// id2label) if they are the same set as train's; else ClassLabel names, all of them; else by value
// if all are whole numbers (equal values by code point); else by code point. Throws if there are
// too few classes to learn from.
std::vector<std::string> order_classes(const CustomFiles& train, const CustomKeys& keys,
                                       std::span<const std::string> model_labels, ProblemType type);

// Sorts names as above, without the keys.
void sort_class_names(std::vector<std::string>& names);

// Numbers of the classes by name.
class ClassIndex {
 public:
  explicit ClassIndex(std::span<const std::string> names);
  int32_t find(std::string_view name) const;  // -1 if it is none

 private:
  std::unordered_map<std::string_view, int32_t> numbers_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
