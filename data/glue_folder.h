// Where a task's files are: below a GLUE root, in the task's own folder, or where the caller says.
#pragma once

#include <string>

#include "data/glue_file.h"

namespace soragrad::data {

// Files that replace those of the folder; empty ones do not.
struct GlueOverrides {
  std::string train_file;
  std::string validation_file;
  std::string test_file;
};

// The files of one task; absent ones are empty, *_mm exist for MNLI alone. A file may be missing
// until a split needs it.
struct GlueFiles {
  std::string folder;
  GlueSource train;
  GlueSource validation;
  GlueSource validation_mm;
  GlueSource test;
  GlueSource test_mm;
  bool own_test = false;  // test is the caller's test_file
};

// Looks in ROOT/CoLA (or the task's folder name), else in ROOT itself. An override leaves out the
// folder's mismatched half. Fails where ROOT is no folder; `data` may be empty where an override
// stands for every file that is used.
GlueFiles find_glue_files(const Task& task, const std::string& data,
                          const GlueOverrides& overrides = {});

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
