#include "train/run/pretrain_state.h"

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/sha256.h"
#include "train/run/checkpoint_files.h"

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

nlohmann::json json_of(const PretrainScores& scores) {
  return {{"loss", scores.loss},
          {"mlm_loss", scores.mlm_loss},
          {"rtd_loss", scores.rtd_loss},
          {"mlm_accuracy", scores.mlm_accuracy},
          {"rtd_accuracy", scores.rtd_accuracy},
          {"replaced_share", scores.replaced_share}};
}

PretrainScores scores_of(const nlohmann::json& numbers) {
  PretrainScores scores;
  numbers.at("loss").get_to(scores.loss);
  numbers.at("mlm_loss").get_to(scores.mlm_loss);
  numbers.at("rtd_loss").get_to(scores.rtd_loss);
  numbers.at("mlm_accuracy").get_to(scores.mlm_accuracy);
  numbers.at("rtd_accuracy").get_to(scores.rtd_accuracy);
  numbers.at("replaced_share").get_to(scores.replaced_share);
  return scores;
}

PretrainCheckpoint read(const std::string& folder) {
  const std::string where = folder + kNumbers;
  const nlohmann::json numbers = read_json_object(where);
  PretrainCheckpoint checkpoint;
  checkpoint.folder = folder;
  PretrainState& state = checkpoint.state;
  std::string hash;
  try {
    numbers.at("step").get_to(state.step);
    numbers.at("updates").get_to(checkpoint.updates);
    numbers.at("layout").get_to(checkpoint.layout);
    numbers.at("evaluation_due").get_to(state.evaluation_due);
    numbers.at("tokens").get_to(state.tokens);
    numbers.at("seconds").get_to(state.seconds);
    numbers.at("step_seconds").get_to(state.step_seconds);
    if (numbers.contains("train")) state.scores = scores_of(numbers.at("train"));
    state.validation = numbers.at("validation");
    numbers.at("metrics_bytes").get_to(state.metrics_bytes);
    numbers.at("event_bytes").get_to(state.event_bytes);
    numbers.at("event_file").get_to(state.event_file);
    state.unlogged = numbers.value("unlogged", "");
    numbers.at("tensors_sha256").get_to(hash);
  } catch (const nlohmann::json::exception&) {
    fail("[checkpoint] {} is damaged: a number is missing or has another type.", where);
  }
  require(state.step >= 0 && checkpoint.updates >= 0 && state.metrics_bytes >= 0 &&
              state.event_bytes >= 0 && state.event_file.find('/') == state.event_file.npos,
          "[checkpoint] {} is damaged: a count or a name is out of range.", where);
  require_tensors(folder, hash);
  return checkpoint;
}

}  // namespace

void save_pretrain_checkpoint(const std::string& folder, const PretrainState& state,
                              const nn::Optimizer& optimizer, const sora::NamedTensors& corpus) {
  sora::NamedTensors tensors = tensors_of(optimizer);
  tensors.insert(tensors.end(), corpus.begin(), corpus.end());
  sora::write_tensors(folder + kTensors, tensors);
  nlohmann::json numbers;
  numbers["step"] = state.step;
  numbers["updates"] = optimizer.steps();
  numbers["layout"] = layout_of(optimizer);
  numbers["evaluation_due"] = state.evaluation_due;
  numbers["tokens"] = state.tokens;
  numbers["seconds"] = state.seconds;
  numbers["step_seconds"] = state.step_seconds;
  numbers["train"] = json_of(state.scores);
  numbers["validation"] = state.validation;
  numbers["metrics_bytes"] = state.metrics_bytes;
  numbers["event_bytes"] = state.event_bytes;
  numbers["event_file"] = state.event_file;
  if (!state.unlogged.empty()) numbers["unlogged"] = state.unlogged;
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
