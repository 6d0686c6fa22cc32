// From the cells of a file to examples of known classes.
#pragma once

#include "data/custom/custom.h"

namespace soragrad::data {

// Appends the rows of a file that have a label (all rows if the file has no label column) and adds
// what was left out to info. Throws for a label that is none of the classes (unless validation or
// test rows are to ignore those), for a regression label that is no finite number, for a list under
// single label, and for a weight that is no number of at least 0.
class CustomEncoder {
 public:
  CustomEncoder(const Task& task, const CustomKeys& keys, CustomUse use);
  void add(const CustomFile& file, CustomPart& part) const;

 private:
  bool add_label(const CustomFile& file, int64_t row, Example& example) const;
  bool add_class(const CustomFile& file, int64_t row, std::string_view name,
                 Example& example) const;
  void add_score(const CustomFile& file, int64_t row, std::string_view text,
                 Example& example) const;
  float weight_of(const CustomFile& file, int64_t row) const;

  const Task& task_;
  const CustomKeys& keys_;
  CustomUse use_;
  ClassIndex classes_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
