#include "train/run/resume.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "core/error.h"
#include "train/config/misuse.h"
#include "train/run/results_file.h"
#include "train/run/run_inputs.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLengthKeys[] = {"max_steps", "num_train_epochs"};

bool is_length(std::string_view key) {
  return std::ranges::find(kLengthKeys, key) != std::end(kLengthKeys);
}

// What is chosen before step 1, and why it cannot change; empty for other keys.
std::string_view why_fixed(std::string_view key) {
  if (key == "initial_state") return "acts before step 1";
  constexpr std::string_view kSplits[] = {"protocol", "validation_split", "split_seed", "k_folds",
                                          "fold"};
  if (std::ranges::find(kSplits, key) == std::end(kSplits)) return "";
  return "decides which rows train and which validate";
}

// Whether scores from before and after a change of the key compare: it decides what is measured, or
// on which rows.
bool changes_scores(std::string_view key) {
  constexpr std::string_view kKeys[] = {
      "metric_for_best_model", "max_eval_samples", "data",           "train_file",
      "validation_file",       "max_seq_length",   "text_column",    "text_pair_column",
      "label_column",          "label_separator",  "positive_label", "unknown_labels"};
  return std::ranges::find(kKeys, key) != std::end(kKeys);
}

using Names = std::set<std::string, std::less<>>;

// Sets the keys of the request and returns their names.
Names take_arguments(Config& config, const ResumeRequest& request) {
  Names given;
  for (const std::string& argument : request.arguments) {
    set_argument(config, argument);
    const std::string key = argument.substr(0, argument.find('='));
    if (key == "output" || key == "overwrite") {
      misuse("[resume] {} has no place beside --resume; the run stays in its folder.", key);
    }
    if (key == "model") misuse("[resume] name the base model's folder by --model DIR.");
    given.insert(key);
  }
  return given;
}

// The change of a key that was recorded before and still holds; null if there is none.
ChangedKey* recorded(std::vector<ChangedKey>& changes, std::string_view key, std::string_view now) {
  const auto found = std::find_if(changes.rbegin(), changes.rend(),
                                  [&](const ChangedKey& change) { return change.key == key; });
  return found != changes.rend() && found->now == now ? &*found : nullptr;
}

// A key whose value is not the one that the checkpoint was made with.
struct Difference {
  const Key& key;
  std::string before, now;
};

// `values`: recorded_values() of the checkpoint.
std::vector<Difference> differences(Config& config, const nlohmann::json& values) {
  std::vector<Difference> found;
  for (const Key& key : keys(config.verb)) {
    const auto made = values.find(std::string(key.name));
    if (made == values.end() || !made->is_string()) continue;
    const std::string before = made->get<std::string>(), now = value_text(config, key);
    if (before != now) found.push_back({key, before, now});
  }
  return found;
}

// Adds the differences that were asked for to `changes` and returns the others, as text.
std::string take_changes(const std::vector<Difference>& found, const Names& given, int64_t step,
                         std::vector<ChangedKey>& changes) {
  constexpr int64_t kShown = 3;
  std::string refused;
  int64_t count = 0;
  for (const auto& [key, before, now] : found) {
    const std::string name(key.name);
    if (ChangedKey* change = recorded(changes, name, now)) {
      change->step = std::min(change->step, step);
    } else if (!given.contains(name) && !is_length(name)) {
      if (++count > kShown) continue;
      refused +=
          fmt::format("{}{}={} (made with {})", refused.empty() ? "" : ", ", name, now, before);
    } else if (const std::string_view why = why_fixed(name); !why.empty()) {
      misuse("[resume] {} {}; the checkpoint is of step {}. Begin a new run.", name, why, step);
    } else {
      changes.push_back({step, name, before, now});
    }
  }
  if (count > kShown) refused += fmt::format(" and {} more", count - kShown);
  return refused;
}

// Training goes on behind the end that a checkpoint has seen.
void extend(CheckpointInfo& checkpoint) {
  if (checkpoint.state.phase > 0) {
    misuse(
        "[resume] the phases after the first have their own length; max_steps and "
        "num_train_epochs cannot change any more.");
  }
  checkpoint.state.phase_ended = false;  // by early stopping
}
void extend(PretrainCheckpoint& /*checkpoint*/) {}

// The best step so far is none for a run that is judged otherwise from here on.
std::string forget_best(CheckpointInfo& checkpoint, std::string_view key) {
  if (checkpoint.state.best_step == 0) return {};
  checkpoint.state.waited = 0;
  return fmt::format(
      "step {} is not the best any more: {} changes what its score means. The best step is chosen "
      "anew.",
      std::exchange(checkpoint.state.best_step, 0), key);
}
std::string forget_best(PretrainCheckpoint& /*checkpoint*/, std::string_view /*key*/) {
  return {};
}

// Lets what was asked for hold from the checkpoint on, and refuses what was not.
template <typename Checkpoint>
void apply_changes(ResumeOf<Checkpoint>& resume, const RunFolder& folder, const Names& given,
                   std::vector<ChangedKey>& changes) {
  const int64_t step = resume.checkpoint->state.step;
  const size_t known = changes.size();
  const std::vector<Difference> found = differences(resume.config, resume.checkpoint->values);
  const std::string refused = take_changes(found, given, step, changes);
  require(refused.empty(),
          "[resume] {} has other values than the checkpoint of step {}: {}. Put them back, or name "
          "them after --resume {} to take them from here on.",
          folder.file("config.yaml"), step, refused, folder.path());
  for (size_t i = known; i < changes.size(); ++i) {
    resume.record.lines.push_back(fmt::format("from step {} on: {}={}, before {}", step,
                                              changes[i].key, changes[i].now, changes[i].before));
  }
  for (const Difference& difference : found) {
    if (!changes_scores(difference.key.name)) continue;
    std::string line = forget_best(*resume.checkpoint, difference.key.name);
    if (!line.empty()) resume.record.lines.push_back(std::move(line));
  }
  if (std::ranges::any_of(given, is_length)) extend(*resume.checkpoint);
}

// A run of either verb; `find` is its find_checkpoint(), `resolve` its resolve().
template <typename Checkpoint>
ResumeOf<Checkpoint> prepare(Verb verb, const RunFolder& folder, const ResumeRequest& request,
                             const Note& note,
                             std::optional<Checkpoint> (*find)(const RunFolder&, const Note&),
                             void (*resolve)(Config&)) {
  ResumeOf<Checkpoint> resume;
  resume.config = config_of(folder, verb);
  std::vector<ChangedKey> changes = read_changes(folder.file("config.yaml"));
  const std::string text_before = config_text(resume.config, changes);
  const bool finished = is_complete(folder.path());
  const Names given = take_arguments(resume.config, request);
  if (!request.model.empty()) resume.config.model = request.model;
  resume.config.output = folder.path();
  make_absolute(resume.config);
  resolve(resume.config);
  if (finished) read_results(folder.path());  // throws if it is damaged
  if (finished && given.empty()) {
    resume.complete = true;
    return resume;
  }
  if (finished && std::ranges::none_of(given, is_length)) {
    misuse("[resume] {} is complete; max_steps=N{} extends it.", folder.path(),
           verb == Verb::train ? " or num_train_epochs=N" : "");
  }
  resume.checkpoint = find(folder, note);
  require(resume.checkpoint || !finished, "[resume] {} is complete and has no checkpoint left.",
          folder.path());
  if (resume.checkpoint) {
    apply_changes(resume, folder, given, changes);
    resume.record.step = resume.checkpoint->state.step;
  } else {
    note(fmt::format("{} has no checkpoint: starting from step 0", folder.path()));
    changes.clear();
  }
  std::string text = config_text(resume.config, changes);
  if (text != text_before) resume.record.config = std::move(text);
  return resume;
}

}  // namespace

Resume prepare_resume(const RunFolder& folder, const ResumeRequest& request, const Note& note) {
  return prepare<CheckpointInfo>(Verb::train, folder, request, note, find_checkpoint, resolve);
}

PretrainResume prepare_pretrain_resume(const RunFolder& folder, const ResumeRequest& request,
                                       const Note& note) {
  return prepare<PretrainCheckpoint>(Verb::pretrain, folder, request, note,
                                     find_pretrain_checkpoint, resolve_pretraining);
}

void write_record(const RunFolder& folder, const ResumeRecord& record, const Note& note) {
  for (const std::string& line : record.lines) note(line);
  if (is_complete(folder.path())) {
    const std::string results = folder.file(kResultsFile);
    std::error_code error;
    fs::rename(results, folder.file(fmt::format("results-step-{}.json", record.step)), error);
    require(!error, "[resume] cannot rename {}: {}.", results, error.message());
  }
  if (!record.config.empty()) folder.write_file("config.yaml", record.config);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
