// What each method would train on a model, before anything is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/config.h"
#include "train/report/text_table.h"

namespace soragrad::train {

struct MethodCount {
  std::string method, settings;  // "sora", "r=8"
  int64_t trained = 0;           // without the head
  int64_t head = 0;              // pooler and classifier, where they train
  int64_t model = 0;             // all parameters of the model without the method
};

// A row for each method, low-rank ones and adapters at the sizes that papers compare. Values of the
// model are not read.
std::vector<MethodCount> method_counts(const models::ModelConfig& config);
TextTable method_table(const std::vector<MethodCount>& counts);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
