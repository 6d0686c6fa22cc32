// What is odd about own data but no error: counted, with one example, and told to the user.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/glue_file.h"

namespace soragrad::data {

struct CustomWarning {
  // empty_label, unknown_label, invalid_utf8, similar_labels, lookalike_labels, many_labels, leak,
  // split_leak, conflicting_labels, duplicates
  std::string kind;
  int64_t count = 0;
  std::string example;  // one line, bounded

  std::string text() const;  // for people, one line
};

// Class names that are equal but for ASCII case and blanks (similar_labels), and others that look
// alike: but for case, blanks and the form of accents of all of Unicode (lookalike_labels).
std::vector<CustomWarning> similar_labels(std::span<const std::string> classes);

// At least 20 classes, and more than half as many as rows: most likely numbers or ids.
std::vector<CustomWarning> many_labels(std::span<const std::string> classes, int64_t rows);

// Rows that repeat an earlier row's text and pair: with the same label (duplicates) and with
// another (conflicting_labels), over all these rows; and rows of validation whose text and pair
// occur in train (leak).
std::vector<CustomWarning> repeated_rows(std::span<const Example> train,
                                         std::span<const Example> validation);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
