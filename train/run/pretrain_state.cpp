#include "train/run/pretrain_state.h"

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/sha256.h"
#include "train/run/checkpoint_files.h"
#include "train/run/checkpoint_gpu.h"

namespace soragrad::train {

namespace {

sora::NamedTensors tensors_of(const nn::Optimizer& optimizer) {
  return {{"values", optimizer.values()},
          {"first_moments", optimizer.first_moments()},
          {"second_moments", optimizer.second_moments()}};
}

std::string layout_of(const nn::Optimizer& optimizer) {
  return fmt::format("{:016x}", optimizer.layout_hash());
}

// Calls visit(name, member) for every number of a state; the one list that reading and writing
// share.
template <typename State, typename Visit>
void for_each_count(State& state, Visit&& visit) {
  visit("step", state.step);
  visit("evaluation_due", state.evaluation_due);
  visit("tokens", state.tokens);
  visit("seconds", state.seconds);
  visit("step_seconds", state.step_seconds);
  visit("validation", state.validation);
}
// The same for the means of a step.
template <typename Scores, typename Visit>
void for_each_mean(Scores& scores, Visit&& visit) {
  visit("loss", scores.loss);
  visit("mlm_loss", scores.mlm_loss);
  visit("rtd_loss", scores.rtd_loss);
  visit("mlm_accuracy", scores.mlm_accuracy);
  visit("rtd_accuracy", scores.rtd_accuracy);
  visit("replaced_share", scores.replaced_share);
}

PretrainCheckpoint read(const std::string& folder) {
  const std::string where = folder + kNumbers;
  const nlohmann::json numbers = read_json_object(where);
  PretrainCheckpoint checkpoint;
  checkpoint.folder = folder;
  PretrainState& state = checkpoint.state;
  std::string hash;
  try {
    for_each_count(state, [&](const char* name, auto& member) { numbers.at(name).get_to(member); });
    if (numbers.contains("train")) {
      const nlohmann::json& means = numbers.at("train");
      for_each_mean(state.scores,
                    [&](const char* name, double& mean) { means.at(name).get_to(mean); });
    }
    numbers.at("updates").get_to(checkpoint.updates);
    numbers.at("layout").get_to(checkpoint.layout);
    state.logs = read_log_state(numbers, where);
    checkpoint.values = numbers.value("keys", nlohmann::json());
    checkpoint.gpu = read_gpu(numbers);
    numbers.at("tensors_sha256").get_to(hash);
  } catch (const nlohmann::json::exception&) {
    fail("[checkpoint] {} is damaged: a number is missing or has another type.", where);
  }
  require(state.step >= 0 && checkpoint.updates >= 0,
          "[checkpoint] {} is damaged: a count is negative.", where);
  require_tensors(folder, hash);
  return checkpoint;
}

}  // namespace

void save_pretrain_checkpoint(const std::string& folder, const PretrainContents& contents) {
  const PretrainState& state = contents.state;
  sora::NamedTensors tensors = tensors_of(contents.optimizer);
  tensors.insert(tensors.end(), contents.corpus.begin(), contents.corpus.end());
  sora::write_tensors(folder + kTensors, tensors);
  nlohmann::json numbers;
  for_each_count(state, [&](const char* name, const auto& member) { numbers[name] = member; });
  for_each_mean(state.scores,
                [&](const char* name, double mean) { numbers["train"][name] = mean; });
  numbers["updates"] = contents.optimizer.steps();
  numbers["layout"] = layout_of(contents.optimizer);
  numbers["keys"] = contents.values;
  write_gpu(contents.optimizer.values().device(), numbers);
  write_log_state(state.logs, numbers);
  numbers["tensors_sha256"] = sha256_of_file(folder + kTensors);
  write_file_atomically(folder + kNumbers, json_text(numbers, 1) + "\n");
}

std::optional<PretrainCheckpoint> find_pretrain_checkpoint(const RunFolder& folder,
                                                           const Note& note) {
  return newest_checkpoint(folder, note, read);
}

void restore(const PretrainCheckpoint& checkpoint, nn::Optimizer& optimizer) {
  require(checkpoint.layout == layout_of(optimizer),
          "[checkpoint] {}: the trainable parameters are not those of this run; model or "
          "config.yaml have changed since.",
          checkpoint.folder);
  sora::read_tensors(checkpoint.tensors(), tensors_of(optimizer));
  optimizer.set_steps(checkpoint.updates);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
