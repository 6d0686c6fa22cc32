// GLUE as the Hugging Face Hub serves it: one Parquet file a split.
#pragma once

#include <string>

#include "data/glue_file.h"

namespace soragrad::data {

// train-00000-of-00001.parquet, validation-..., test-..., for MNLI validation_matched-... and so
// on. `split` as the Hub names it.
std::string glue_parquet_name(const std::string& split);

// Reads a task's file: columns by the task's names, classes by the file's ClassLabel names, else by
// number. A file whose labels are all -1, as the Hub's test sets, has no labels; other rows without
// a label are dropped and counted. Throws as load_glue_file() does, naming the row.
Dataset load_glue_parquet(const Task& task, const std::string& path, Labels labels);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
