// Opening a trained model for evaluation: a run folder, or a model folder with or without an
// adapter.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/custom/custom.h"
#include "data/glue_folder.h"
#include "data/split.h"
#include "data/tokenizer/tokenizer.h"
#include "models/load.h"
#include "sora/method.h"
#include "train/loop/session.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

struct TrainedSource {
  std::string run;                   // a run folder; model: where its base model is now, or
  std::string model, adapter;        // a model folder and perhaps an adapter's
  std::string task, data, protocol;  // empty: the run's
  int64_t max_length = 0;            // 0: the run's, else 128
  std::string device = "auto";
  std::string precision;    // empty: the run's, else fp32
  int64_t phase = -1;       // of a run with `schedule`: its model after this phase; -1: its last
  bool needs_head = false;  // refuse a head that was drawn because no file holds one
  std::vector<std::string> keys;  // key=value of own data, over the run's
};

struct Trained {
  const data::Task* task = nullptr;
  std::string data;  // GLUE root
  data::GlueOverrides overrides;
  data::Protocol protocol = data::Protocol::glue;
  Device device = Device::cpu;
  int64_t max_length = 128;
  std::unique_ptr<data::Tokenizer> tokenizer;
  std::unique_ptr<models::SequenceClassifier> model;
  std::unique_ptr<sora::Method> method;  // of an adapter; destroyed before the model
  std::string weights;                   // the folder that was opened
  std::string tokenizer_folder;          // the folder that its tokenizer is from
  // Own data (task=custom): its keys, its task with the classes of the model, and whether the
  // command named other files than the run's.
  Config config;
  std::shared_ptr<const data::Task> own_task;
  std::string run;
  bool has_other_files = false;
};

// Throws UsageError if neither run nor model is given, or a task is missing. Throws if the base
// model is not the one that the adapter was trained on, or if the head in the files is one of other
// classes than the task's.
Trained open_trained(const TrainedSource& source, const Note& note);

// Loads the adapter, if its folder is named, into the model of the folder `base`. What the adapter
// holds of the head is taken off loaded.drawn: the rest stays as it was drawn. Its classes come
// into the model's order; throws if they are others.
std::unique_ptr<sora::Method> load_adapter_and_head(const std::string& adapter,
                                                    const std::string& base,
                                                    models::LoadedModel& loaded);

// A warning that names both tasks if `weights`, trained on one, answer another; else "".
std::string other_task_line(const std::string& weights, std::string_view trained_on,
                            const data::Task& task);
// The keys of own data, with the classes and the problem type that the model has.
data::CustomKeys own_keys(const Trained& trained);

// final/ of a finished run or one with `schedule`, best/ of others; phases/phase-K for a phase of
// 0 or more. Throws where there is none.
std::string trained_folder(const RunFolder& run, int64_t phase = -1);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
