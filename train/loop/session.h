// What a run works on, put together from its configuration: rows, model, method, optimizer, plan.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/custom/custom.h"
#include "data/sampler.h"
#include "models/load.h"
#include "sora/adapter_file.h"
#include "sora/tuner.h"
#include "train/config/config.h"
#include "train/loop/plan.h"
#include "train/loop/rows.h"
#include "train/loop/task_loss.h"
#include "train/run/note.h"
#include "train/run/run_state.h"

namespace soragrad::train {

// Members are destroyed from the last: the tuner goes before its model.
struct Session {
  Config config;
  Device device = Device::cpu;
  Rows train;
  std::vector<Rows> validation;
  std::vector<Rows> test;  // with labels only
  Rows train_sample;       // with `schedule`: training rows that every phase is measured on
  std::unique_ptr<models::SequenceClassifier> model;
  std::unique_ptr<sora::Tuner> tuner;
  std::unique_ptr<data::Sampler> sampler;
  Plan plan;
  const data::Task* task = nullptr;
  std::shared_ptr<data::CustomData> custom;  // task=custom: owns the task; its rows are moved above
  LossOptions loss;
  sora::AdapterInfo info;
  // Of the base model's tensors (base_hash.h); ready when a thread of its own has read them.
  std::shared_future<std::string> base_sha256;
  std::optional<CheckpointInfo> checkpoint;  // from which training goes on
  nlohmann::json recorded;                   // recorded_values() of the configuration as given
  bool from_adapter = false;                 // initial_state is an adapter's folder
  // Frozen parameters that the base model does not have as they are: a drawn head, and what
  // initial_state replaced.
  std::vector<nn::Parameter*> own_frozen;
};

// Loads everything that a resolved configuration names, for a run that begins, or that goes on from
// a checkpoint: then initial_state is not read, and the base model must be the one of before.
// Warnings go to `note`. Throws Interrupted if a request to stop arrives meanwhile.
std::unique_ptr<Session> open_session(const Config& config, const Note& note,
                                      std::optional<CheckpointInfo> checkpoint = {});

// auto: CUDA where a GPU is at hand. Throws where cuda is asked for and cannot be.
Device resolve_device(const std::string& name);
// fp32 or bf16; other names throw UsageError.
Precision parse_precision(const std::string& name);
// Throws where rows of this length do not fit the model's position table.
void require_length(const models::SequenceClassifier& model, int64_t max_length,
                    std::string_view key);

// Replaces parameters by the tensors of a safetensors file and returns them. Throws for names that
// the model does not have and for other shapes, changing nothing.
std::vector<nn::Parameter*> load_initial_state(nn::Module& model, const std::string& path,
                                               Device device);

// Writes what a run's best/ and final/ hold: the adapter, or for method full a whole model folder
// with its tokenizer.
void save_trained(const std::string& folder, Session& session);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
