// Everything that a run's folder tells about the run, read without its model: for pages.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/config/config.h"
#include "train/run/changed_keys.h"
#include "train/run/gate_log.h"

namespace soragrad::train {

// A field of metrics.jsonl over the steps.
struct Curve {
  std::vector<double> steps, values;

  bool is_empty() const { return steps.empty(); }
  double last() const { return values.empty() ? 0 : values.back(); }
};

struct RunRecord {
  std::string path;                        // of the folder
  std::string name;                        // short: tells the runs of one page apart
  Config config;                           // as config.yaml has it
  std::vector<ChangedKey> changes;         // keys that changed while it ran
  nlohmann::json results;                  // results.json; null: the run is not finished
  nlohmann::ordered_json evaluation;       // splits of evaluation.json; null: none of these results
  std::string split;                       // split.json of own data; empty: there is none
  GateHistory gates;                       // thinned
  std::map<std::string, Curve> logged;     // "loss", "learning_rate", ... of logged steps
  std::map<std::string, Curve> evaluated;  // "validation/accuracy", "validation/loss", ...
  std::vector<std::string> notes;          // what is missing or does not belong together

  // The curve of that name; an empty one if there is none.
  const Curve& logged_curve(const std::string& field) const;
  int64_t last_step() const;  // that is logged
  bool is_finished() const { return results.is_object(); }
  // The value of a key as YAML text.
  std::string value_of(std::string_view key) const;
};

// Reads a run's folder. Throws if it is none, or a file in it is damaged.
RunRecord read_run(const std::string& path);
// Several, with names that differ: the folders' own, or as much of their paths as it takes.
std::vector<RunRecord> read_runs(const std::vector<std::string>& paths);

// The keys, in the order of --help, in which runs differ; `output` and other keys that change no
// number come last.
std::vector<std::string> differing_keys(const std::vector<RunRecord>& runs);

// The command that repeats the run into another folder: every key that is not at its default, or
// the run's config.yaml if the command line cannot say them.
std::string repeat_command(const RunRecord& run);
// The keys that are not at the defaults of this method, task and protocol: name, value, default.
struct ChosenKey {
  std::string name, value, usual;
};
std::vector<ChosenKey> chosen_keys(const RunRecord& run);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
