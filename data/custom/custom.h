// Own data, put together: files, classes, rows that train, validate and test, and what is odd.
//   const CustomData data = load_custom(keys);
//   use(*data.task, data.train.rows);
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/custom/checks.h"
#include "data/custom/keys.h"
#include "data/custom/labels.h"
#include "data/glue_file.h"
#include "data/task.h"

namespace soragrad::data {

// What is known of one file after it was read.
struct CustomFileInfo {
  std::string path, sha256;
  int64_t bytes = 0, rows = 0, dropped = 0;  // rows: that remain
  int64_t empty_labels = 0, unknown_labels = 0, invalid_utf8 = 0;
  std::string first_empty, first_unknown;              // "FILE:line" of the first such row
  std::string text_column, pair_column, label_column;  // empty: there is none
};

// Where a row came from.
struct RowOrigin {
  uint32_t file = 0;  // of the split's files
  uint32_t row = 0;   // in the file, from 0, dropped rows included
};

struct CustomPart {
  std::shared_ptr<const Task> task;  // of the rows
  Dataset rows;
  std::vector<CustomFileInfo> files;
  std::vector<RowOrigin> origins;  // (rows)
};

struct CustomData {
  std::shared_ptr<const Task> task;                    // named "custom"; data sets point to it
  std::vector<std::string> columns;                    // of the train files, by first appearance
  std::string text_column, pair_column, label_column;  // of the first file; pair may be empty
  CustomPart train, validation, test;                  // test: empty if there is no file
  std::vector<int64_t> label_counts;                   // (classes) rows of train and its split
  std::vector<CustomWarning> warnings;
  enum class SplitKind { file, share, fold } split = SplitKind::file;

  int64_t dropped() const;  // rows of the train files that are left out
};

// Reads all files of the keys and decides classes and split. `model_labels`: names of config.json's
// id2label in class order, empty if there are none. Throws for what cannot train.
CustomData load_custom(const CustomKeys& keys, std::span<const std::string> model_labels = {});

// The train files alone: their classes, and all their rows under `train`, without a split.
CustomData load_custom_train(const CustomKeys& keys,
                             std::span<const std::string> model_labels = {});

// The task of a model that was trained on own data: its classes in their order.
std::shared_ptr<const Task> make_custom_task(ProblemType type, std::vector<std::string> classes,
                                             const CustomKeys& keys, bool has_pair);

// Rows of files for the classes of an existing task; whether there is a second text is the files'
// own. With `use` test or predict a file may be without labels.
CustomPart read_custom_rows(const Task& task, const std::vector<std::string>& paths,
                            const CustomKeys& keys, CustomUse use);

// split.json: every file with its SHA-256, and the rows of train that validate, from 1.
std::string split_json(const CustomData& data, const CustomKeys& keys);

// Throws if a file of the split.json text has other bytes than the data has, naming both hashes.
void require_same_files(std::string_view recorded, const std::string& recorded_path,
                        const CustomData& data);
// The same for one part: `name` is train, validation or test.
void require_same_files(std::string_view recorded, const std::string& recorded_path,
                        std::string_view name, const CustomPart& part);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
