#include "train/report/run_record.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "train/run/results_file.h"
#include "train/run/run_folder.h"
#include "train/run/run_inputs.h"
#include "train/run/shell_word.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kGateRecords = 240;  // a page shows no more moments than that
constexpr int64_t kMaxEvaluationBytes = int64_t{64} << 20;

void add_point(Curve& curve, double step, const json& value) {
  if (!value.is_number()) return;  // null: not finite
  curve.steps.push_back(step);
  curve.values.push_back(value.get<double>());
}

// A line of an evaluation has metrics below its split, a line of a step has numbers.
void add_line(RunRecord& run, const json& line) {
  const double step = line.value("step", 0.0);
  const std::string split = line.value("split", "");
  for (const auto& [name, value] : line.items()) {
    if (name == "metrics" && value.is_object()) {
      for (const auto& [metric, number] : value.items()) {
        add_point(run.evaluated[split + "/" + metric], step, number);
      }
    } else if (name != "step" && name != "split") {
      add_point(split.empty() ? run.logged[name] : run.evaluated[split + "/" + name], step, value);
    }
  }
}

void read_metrics(RunRecord& run, const std::string& path) {
  std::ifstream file(path);
  int64_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (file.eof()) break;  // a run that goes on has written half of it
    const json line = parse_json(text, fmt::format("{}:{}", path, number));
    require(line.is_object(), "[report] {}:{} is no JSON object.", path, number);
    add_line(run, line);
  }
  const Curve seconds = run.logged_curve("step_seconds"), tokens = run.logged_curve("tokens");
  if (seconds.steps != tokens.steps) return;
  Curve& speed = run.logged["tokens_per_second"];
  for (size_t i = 0; i < seconds.steps.size(); ++i) {
    if (seconds.values[i] <= 0) continue;
    speed.steps.push_back(seconds.steps[i]);
    speed.values.push_back(tokens.values[i] / seconds.values[i]);
  }
}

bool has_metrics_of(const nlohmann::ordered_json& split, const json& results) {
  const auto found = results.find(split.value("name", ""));
  if (found == results.end() || !found->is_object()) return false;
  return json(split.at("metrics")) == *found;
}

// The splits of evaluation.json, if their metrics are those of results.json.
void read_evaluation_of(RunRecord& run, const std::string& path) {
  if (!run.is_finished() || run.config.verb == Verb::pretrain) return;
  if (!is_file(path)) {
    run.notes.push_back(
        "The run has no evaluation.json, which holds what is known of single rows: it was trained "
        "by an older version.");
    return;
  }
  const auto file = nlohmann::ordered_json(read_json_object(path, kMaxEvaluationBytes));
  const nlohmann::ordered_json splits =
      file.value("splits", nlohmann::ordered_json(nlohmann::ordered_json::array()));
  const bool fits = std::ranges::all_of(splits, [&](const nlohmann::ordered_json& split) {
    return has_metrics_of(split, run.results);
  });
  if (fits) {
    run.evaluation = splits;
  } else {
    run.notes.push_back(fmt::format(
        "evaluation.json is of step {} and has other metrics than results.json: classes, "
        "calibration and rows are left out.",
        file.value("step", int64_t{0})));
  }
}

std::string last_parts(const fs::path& path, int parts) {
  fs::path name;
  fs::path rest = path;
  for (int i = 0; i < parts && rest.has_filename(); ++i, rest = rest.parent_path()) {
    name = name.empty() ? rest.filename() : rest.filename() / name;
  }
  return name.string();
}

// A value as the command line takes it: texts without YAML's quotes.
std::string argument_text(Config config, const Key& key) {
  const Field field = key.field(config);
  if (const auto* text = std::get_if<std::string*>(&field)) return **text;
  if (const auto* words = std::get_if<std::vector<std::string>*>(&field)) {
    return fmt::format("{}", fmt::join(**words, ","));
  }
  return value_text(config, key);
}

// What a run of the same model, data, task, method and protocol has where nothing is chosen.
Config usual_config(const Config& config) {
  Config usual;
  usual.verb = config.verb;
  usual.model = config.model;
  usual.task = config.task;
  usual.data = config.data;
  usual.protocol = config.protocol;
  usual.method.method = config.method.method;
  usual.method.proximal = config.method.proximal;
  usual.learning_rate = config.learning_rate;  // the gates' own rate follows it
  try {
    if (usual.verb == Verb::train) complete(usual);
  } catch (const Error&) {  // a task that this program does not know
  }
  usual.learning_rate = Config().learning_rate;
  return usual;
}

}  // namespace

const Curve& RunRecord::logged_curve(const std::string& field) const {
  static const Curve kNone;
  const auto found = logged.find(field);
  return found == logged.end() ? kNone : found->second;
}

int64_t RunRecord::last_step() const {
  double last = 0;
  for (const auto* curves : {&logged, &evaluated}) {
    for (const auto& [name, curve] : *curves) {
      if (!curve.is_empty()) last = std::max(last, curve.steps.back());
    }
  }
  return static_cast<int64_t>(last);
}

std::string RunRecord::value_of(std::string_view key) const {
  Config copy = config;
  const Key* known = find_key(key, config.verb);
  return known ? value_text(copy, *known) : "";
}

RunRecord read_run(const std::string& path) {
  const RunFolder folder = RunFolder::open(path, /*lock=*/false);
  RunRecord run;
  run.path = folder.path();
  run.name = last_parts(absolute_path(folder.path()), 1);
  run.config = config_of(folder, verb_of(folder));
  run.changes = read_changes(folder.file("config.yaml"));
  if (is_complete(folder.path())) run.results = read_results(folder.path());
  if (is_file(folder.file("split.json"))) run.split = read_file(folder.file("split.json"));
  read_metrics(run, folder.file("metrics.jsonl"));
  read_evaluation_of(run, folder.file("evaluation.json"));
  try {
    run.gates = read_gates(folder.file("gates.bin"), kGateRecords);
  } catch (const Error& error) {
    run.notes.emplace_back(error.what());
  }
  return run;
}

std::vector<RunRecord> read_runs(const std::vector<std::string>& paths) {
  std::vector<RunRecord> runs;
  for (const std::string& path : paths) runs.push_back(read_run(path));
  constexpr int kMostParts = 6;
  for (int parts = 1; parts <= kMostParts; ++parts) {
    std::set<std::string> names;
    for (RunRecord& run : runs) {
      run.name = last_parts(absolute_path(run.path), parts);
      names.insert(run.name);
    }
    if (names.size() == runs.size()) break;
  }
  return runs;
}

std::vector<std::string> differing_keys(const std::vector<RunRecord>& runs) {
  std::vector<std::string> differing, without_effect;
  for (const Key& key : keys(runs.front().config.verb)) {
    const std::string name(key.name);
    const std::string first = runs.front().value_of(name);
    const bool differs = std::ranges::any_of(
        runs, [&](const RunRecord& run) { return run.value_of(name) != first; });
    if (differs) (keeps_meaning(name) ? without_effect : differing).push_back(name);
  }
  differing.insert(differing.end(), without_effect.begin(), without_effect.end());
  return differing;
}

std::vector<ChosenKey> chosen_keys(const RunRecord& run) {
  Config usual = usual_config(run.config), own = run.config;
  std::vector<ChosenKey> chosen;
  for (const Key& key : keys(run.config.verb)) {
    const std::string value = value_text(own, key), before = value_text(usual, key);
    const bool is_named = key.name == "model" || key.name == "task" || key.name == "data" ||
                          key.name == "method" || key.name == "seed";
    if (key.name == "output" || key.name == "overwrite") continue;
    if (is_named || value != before) chosen.push_back({std::string(key.name), value, before});
  }
  return chosen;
}

std::string repeat_command(const RunRecord& run) {
  const bool pretrains = run.config.verb == Verb::pretrain;
  std::string command = pretrains ? "soragrad pretrain" : "soragrad train";
  const std::string output = " " + shell_word(fmt::format("output={}-again", run.config.output));
  // A list on the command line has commas between its words.
  if (std::ranges::any_of(run.config.custom.labels,
                          [](const std::string& label) { return label.find(',') != label.npos; })) {
    return command + " --config " + shell_word(run.path + "/config.yaml") + output;
  }
  for (const ChosenKey& key : chosen_keys(run)) {
    if (key.value == "auto") continue;
    const std::string value = argument_text(run.config, *find_key(key.name, run.config.verb));
    command += " " + shell_word(fmt::format("{}={}", key.name, value));
  }
  return command + output;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
