// What a run works on, put together from its configuration: rows, model, method, optimizer, plan.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/sampler.h"
#include "models/load.h"
#include "sora/adapter_file.h"
#include "sora/tuner.h"
#include "train/config/config.h"
#include "train/loop/plan.h"
#include "train/loop/rows.h"

namespace soragrad::train {

using Note = std::function<void(const std::string& line)>;  // a line for the log

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
  sora::AdapterInfo info;
};

// Loads everything a resolved configuration names. Warnings go to `note`.
std::unique_ptr<Session> open_session(const Config& config, const Note& note);

// auto: CUDA where a GPU is at hand. Throws where cuda is asked for and cannot be.
Device resolve_device(const std::string& name);
// fp32 or bf16; other names throw UsageError.
Precision parse_precision(const std::string& name);
// Throws where rows of this length do not fit the model's position table.
void require_length(const models::SequenceClassifier& model, int64_t max_length,
                    std::string_view key);

// Replaces parameters by the tensors of a safetensors file. Throws for names that the model does
// not have and for other shapes, changing nothing.
void load_initial_state(nn::Module& model, const std::string& path, Device device);

// Writes what a run's best/ and final/ hold: the adapter, or the whole model for method full.
void save_trained(const std::string& folder, Session& session);

}  // namespace soragrad::train
