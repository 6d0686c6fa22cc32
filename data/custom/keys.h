// The keys of own data, task=custom, as configuration files and commands name them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace soragrad::data {

struct CustomKeys {
  std::vector<std::string> train_files = {}, validation_files = {}, test_files = {};
  std::string format = {};  // empty: by extension
  bool header = true;
  // Names of columns; empty: the one candidate that is present. text_pair_column=none: no pair.
  std::string text_column = {}, text_pair_column = {}, label_column = {}, id_column = {},
              weight_column = {};
  // Text, pair and label were found in one of these files before: a file without that name has its
  // own candidate.
  bool columns_were_found = false;
  std::string problem_type = {};         // Hugging Face's names; empty: by the labels
  std::string label_separator = {};      // of labels in one cell; empty: a cell is one label
  std::vector<std::string> labels = {};  // order of the classes; empty: as order_classes() says
  std::string positive_label = {};       // of two classes, for f1 and roc_auc; empty: the last
  double validation_split = 0.1;         // share of train that validates if there is no other file
  int64_t split_seed = 42;
  int64_t k_folds = 0, fold = 0;  // k_folds above 0: fold `fold` of train validates
  bool ignores_unknown_labels = false;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
