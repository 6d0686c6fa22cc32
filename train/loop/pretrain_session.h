// What a pre-training run works on, put together from its configuration.
#pragma once

#include <memory>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "models/load_pretraining.h"
#include "nn/optim/optimizer.h"
#include "nn/optim/schedule.h"
#include "train/loop/pretrain_batches.h"
#include "train/run/note.h"

namespace soragrad::train {

struct PretrainSession {
  Config config;  // complete: objective and mask shares too
  Device device = Device::cpu;
  std::unique_ptr<data::Tokenizer> tokenizer;
  std::unique_ptr<models::PretrainingModel> model;
  std::unique_ptr<nn::Optimizer> optimizer;
  std::unique_ptr<PretrainBatches> batches;
  std::string tokenizer_sha256;               // of the model's folder
  std::vector<data::MaskedBatch> validation;  // empty: none
  nn::Schedule schedule;
  int64_t total_steps = 0;
};

// Loads everything a resolved configuration names, but initial_state only if the run begins, not if
// a checkpoint will be restored. Lines about what was drawn go to `note`.
std::unique_ptr<PretrainSession> open_pretrain_session(const Config& config, const Note& note,
                                                       bool begins = true);

// Writes the model, and under rtd the generator in generator/, each with the tokenizer's files.
void save_pretrained(const std::string& folder, PretrainSession& session);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
