// Which rows train, validate and test a run: GLUE's own splits, or those of the released SoRA code,
// which never touches GLUE's test files:
//   cola rte mrpc stsb mnli wnli   dev in the order of randperm(seed 42); first half validation,
//                                  the rest test
//   qqp qnli sst2                  train in that order; 1000 rows validation, the rest train; the
//                                  official dev is test
// Source: SoRA src/processor.py. The seed is 42 whatever the run's seed is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/glue_folder.h"

namespace soragrad::data {

enum class Protocol { glue, paper, adalora };  // glue and adalora have the same splits
enum class Split { train, validation, test };

// From the spelling of the keys; an unknown one is a UsageError that lists them.
Protocol parse_protocol(std::string_view name);
Split parse_split(std::string_view name);

struct NamedDataset {
  std::string name;  // train, validation, test; MNLI has validation_mm and test_mm as well
  Dataset dataset;
};

// Loads one split. Train and validation have labels and exactly one data set, but for MNLI's second
// validation; GLUE's test may be absent (no data set) or without labels.
std::vector<NamedDataset> load_split(const Task& task, Protocol protocol, const GlueFiles& files,
                                     Split split);

// The metric that picks the best checkpoint: the task's, as in the released SoRA code, except that
// AdaLoRA reports MRPC by accuracy.
std::string_view selection_metric(const Task& task, Protocol protocol);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
