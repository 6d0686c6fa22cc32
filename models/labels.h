// The order and the names of classes belong to the model (id2label of its config.json). A task's
// classes are found in it by their names, without regard to case, as transformers' run_glue.py
// does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace soragrad::models {

// Class numbers of a task in a model: the task's class i is the model's class map[i].
class ClassMap {
 public:
  // The same numbers on both sides.
  explicit ClassMap(int64_t classes);
  // A permutation of 0 to to_model.size() - 1; throws for other numbers.
  explicit ClassMap(std::vector<int64_t> to_model);

  int64_t size() const { return static_cast<int64_t>(to_model_.size()); }
  // The model's class for a class of the task, in [0, size()).
  int64_t operator[](int64_t task_class) const;  // throws where there is no such class
  // Brings the columns of logits (rows, size()) from the model's order into the task's.
  void reorder(std::span<float> logits) const;

 private:
  std::vector<int64_t> to_model_;
};

// Whether the names tell classes apart. LABEL_0, LABEL_1, ..., and names that are empty or the
// class's own number, do not; nor does an empty list.
bool are_named(std::span<const std::string> names);

// Where a task's classes are in a model. A model without names has the task's order. None if the
// model's names are another set, or another number of classes.
std::optional<ClassMap> find_classes(std::span<const std::string> model_names,
                                     std::span<const std::string> task_names);
// The same. Throws naming both sets where find_classes() finds none.
ClassMap class_map(std::span<const std::string> model_names,
                   std::span<const std::string> task_names);

// "a, b, c", at most some of them, in a form fit to print.
std::string shown_names(std::span<const std::string> names);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
