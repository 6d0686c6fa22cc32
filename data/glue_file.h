// Reading GLUE's files as the Hugging Face loader reads them: columns by header name, labels by
// name or number, and rows whose needed columns are missing dropped and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/task.h"

namespace soragrad::data {

struct Example {
  std::string text_a = {};
  std::string text_b = {};  // empty for tasks of one sentence
  int64_t label = -1;       // class; -1 without labels and for regression
  // Of regression: as own data has it, and a 32-bit number of GLUE, as datasets has those.
  double score = 0;
  int64_t index = 0;  // the file's index column, or the row's number in the file from 0
  // Own data alone.
  float weight = 1;                    // in the loss of a training batch
  std::vector<int32_t> classes = {};   // multi-label, in increasing order
  std::optional<std::string> id = {};  // as the file has it; without an id column `index` stands in
};

struct Dataset {
  const Task* task = nullptr;
  std::string path = {};
  std::vector<Example> rows = {};
  bool labelled = false;  // whether label or score was read
  int64_t dropped = 0;    // rows left out; worth one warning

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
};

enum class Labels {
  required,  // a file without a label column is an error
  if_present,
  ignored,  // never read, not even where they are wrong
};

// A file, and for MRPC's original file the list of id pairs that parts dev from train.
struct GlueSource {
  std::string path = {};
  std::string dev_ids = {};
  bool dev = false;  // the rows that are listed, or the others

  explicit operator bool() const { return !path.empty(); }
};

// Reads a task's file in its train, dev or test form, with or without a header. A row that lacks a
// text column, or whose label is missing or empty, is dropped. Fails, naming file and line, on a
// header without the text columns, an unknown label or a score that is no finite number, and on a
// file without rows. A file whose labels are all -1 (a test set as the Hub exports it) has none.
Dataset load_glue_file(const Task& task, const GlueSource& source,
                       Labels labels = Labels::if_present);
Dataset load_glue_file(const Task& task, const std::string& path,
                       Labels labels = Labels::if_present);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
