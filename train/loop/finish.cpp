#include "train/loop/finish.h"

#include "core/allocator.h"
#include "core/communicator.h"
#include "core/cuda_runtime.h"
#include "core/json.h"
#include "core/kernels/linear/gemm_gelu.h"
#include "core/parallel.h"
#include "data/source_scores.h"
#include "train/loop/data_facts.h"
#include "train/loop/evaluate.h"
#include "train/loop/evaluation_record.h"
#include "train/loop/fold_predictions.h"
#include "train/loop/process.h"
#include "train/run/results_file.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

constexpr double kFewGates = 0.01;  // share of gates at zero below which a run explains itself

json to_object(const data::Metrics& metrics) {
  json object = json::object();
  for (const auto& [name, value] : metrics) object[name] = value;  // NaN is written as null
  return object;
}

json parameters_of(Session& session) {
  const sora::ParameterCounts counts = session.tuner->method().counts();
  int64_t model = 0, head = 0;
  for (const nn::Parameter* parameter : session.model->parameters()) {
    model += parameter->declared_shape().numel();
    if (nn::is_head(*parameter)) head += parameter->declared_shape().numel();
  }
  const bool gated = session.tuner->method().name() == "sora";
  const int64_t gates = gated ? session.tuner->method().sparsity().total : 0;
  return {{"trainable", counts.trainable},
          {"trainable_head", counts.head},
          {"trainable_released_counter", counts.trainable - counts.head - gates},
          {"stored", counts.stored},
          {"stored_released_counter", counts.released},
          {"head", head},
          {"model", model}};
}

nlohmann::ordered_json evaluated(Session& session, const Rows& rows) {
  const std::vector<float> logits = compute_logits(
      *session.model, rows, session.config.per_device_eval_batch_size, /*stoppable=*/true);
  nlohmann::ordered_json record = evaluation_record(rows, logits, score_logits(rows, logits));
  for (const data::SourceScore& score : data::scores_by_source(rows.dataset, logits)) {
    const double share = static_cast<double>(score.right) / static_cast<double>(score.rows);
    record["by_source"][score.source] = {{"rows", score.rows}, {"accuracy", share}};
  }
  return record;
}

// Completes evaluation.json by the test splits and returns all of its splits. An evaluation of
// another step, which a run leaves that went on from an older checkpoint with other keys, is made
// again: the model has the parameters that results.json is about. Collective.
nlohmann::ordered_json complete_evaluation(Session& session, const RunFolder& folder,
                                           const RunState& state) {
  const bool ends_with_best = session.config.load_best_model_at_end &&
                              session.plan.phases.size() == 1 && state.best_step > 0;
  const int64_t step = ends_with_best ? state.best_step : state.step;
  nlohmann::ordered_json splits;
  if (folder.writes()) splits = read_evaluation(folder, step);
  const bool is_there = splits.is_array() && splits.size() >= session.validation.size();
  if (!world().decide(is_there)) {
    splits = nlohmann::ordered_json::array();
    for (const Rows& rows : session.validation) splits.push_back(evaluated(session, rows));
  } else if (!folder.writes()) {  // who does not write needs their number alone
    splits = nlohmann::ordered_json(session.validation.size(), nullptr);
  }
  while (splits.size() > session.validation.size()) splits.erase(splits.size() - 1);
  for (const Rows& rows : session.test) splits.push_back(evaluated(session, rows));
  write_evaluation(folder, step, splits);
  return splits;
}

json data_of(const Session& session) {
  std::vector<const Rows*> splits{&session.train};
  for (const Rows& rows : session.validation) splits.push_back(&rows);
  for (const Rows& rows : session.test) splits.push_back(&rows);
  const FileHashes hashes = hash_files(splits);
  json data = json::object();
  for (const Rows* rows : splits) {
    data[rows->name] = data_facts(*rows, hashes, session.config.max_seq_length);
  }
  return data;
}

// What was run.
json identity_of(const Session& session, const RunState& state) {
  const Config& config = session.config;
  json results{{"task", config.task},
               {"method", config.method.method},
               {"seed", config.seed},
               {"protocol", config.protocol},
               {"model", session.info.base_model},
               {"steps", state.step},
               {"best_step", state.best_step},
               {"metric_for_best_model", config.metric_for_best_model}};
  if (session.custom) {
    results["problem_type"] = data::name_of(session.task->problem_type);
    results["labels"] = session.task->labels;
  }
  return results;
}

// The metrics of every split, and what the most frequent class would reach. Collective.
void add_scores(json& results, Session& session, const RunFolder& folder, const RunState& state) {
  for (const auto& [split, metrics] : state.last_validation.items()) results[split] = metrics;
  const auto add_baseline = [&](const Rows& rows) {
    results["majority_baseline"][rows.name] =
        to_object(majority_baseline(session.train.dataset, rows.dataset));
  };
  for (const Rows& rows : session.validation) add_baseline(rows);
  results["test"] = nullptr;
  const nlohmann::ordered_json splits = complete_evaluation(session, folder, state);
  for (size_t i = 0; i < session.test.size(); ++i) {
    const Rows& rows = session.test[i];
    const nlohmann::ordered_json& split = splits[session.validation.size() + i];
    results[rows.name] = split["metrics"];
    if (split.contains("by_source")) results["by_source"][rows.name] = split["by_source"];
    add_baseline(rows);
  }
}

// Entries and gates at zero, and the ranks that modules kept.
void add_sparsity(json& results, sora::Tuner& tuner) {
  const sora::Sparsity sparsity = tuner.method().sparsity();
  results["sparsity"] = sparsity.share();
  if (sparsity.total > 0) {
    results["entries"] = {{"zero", sparsity.zero}, {"total", sparsity.total}};
  }
  if (const auto reach = tuner.gate_reach(); reach && reach->share < kFewGates) {
    results["gates"] = {{"threshold_sum", reach->threshold_sum},
                        {"median", reach->median_gate},
                        {"text", sora::to_text(*reach)}};
    if (reach->xi > 0) results["gates"]["xi_for_median"] = reach->xi;
  }
  results["ranks"] = json::array();
  for (const sora::ModuleRank& rank : tuner.method().ranks()) {
    results["ranks"].push_back({{"module", rank.module}, {"kept", rank.kept}, {"rank", rank.rank}});
  }
}

// Whether the products with GELU are cuDNN's, and what making its plans cost. Null in a build
// without cuDNN.
json cudnn_of() {
  const kernels::CudnnUse use = kernels::cudnn_use();
  if (use.version.empty() && use.unused.empty()) return nullptr;
  json result{{"version", use.version}, {"plans", use.plans}, {"plan_seconds", use.plan_seconds}};
  if (!use.unused.empty()) result["unused"] = use.unused;
  if (!use.refused.empty()) result["refused"] = use.refused;
  return result;
}

// Time, memory and the machine's part.
void add_costs(json& results, const Session& session, const Trainer& trainer) {
  const RunState& state = trainer.state();
  results["tokens"] = state.tokens;
  results["seconds"] = state.seconds;
  results["seconds_per_step"] =
      state.step > 0 ? state.step_seconds / static_cast<double>(state.step) : 0;
  results["steps_per_epoch"] = session.plan.steps_per_epoch;
  results["tokens_per_second"] =
      state.seconds > 0 ? static_cast<double>(state.tokens) / state.seconds : 0;
  results["first_step_seconds"] = trainer.first_step_seconds();
  results["peak_rss_bytes"] = peak_rss_bytes();
  if (session.device == Device::cuda) {
    results["peak_gpu_bytes"] = allocator_stats(Device::cuda).peak_bytes;
    results["reserved_gpu_bytes"] = allocator_stats(Device::cuda).system_peak;
    results["graph_gpu_bytes"] = cuda::work().graph_bytes;
    results["cudnn"] = cudnn_of();
  }
  results["device"] = name_of(session.device);
  results["precision"] = session.config.precision;
  results["threads"] = num_threads();
}

}  // namespace

json finish_run(Session& session, const RunFolder& folder, const Trainer& trainer,
                const Version& version) {
  folder.replace_folder("final", [&](const std::string& path) { save_trained(path, session); });
  const Config& config = session.config;
  const RunState& state = trainer.state();
  json results = identity_of(session, state);
  if (session.custom && config.custom.k_folds > 0) write_fold_predictions(session, folder);
  add_scores(results, session, folder, state);
  if (!folder.writes()) return results;
  results["data"] = data_of(session);
  results["parameters"] = parameters_of(session);
  add_sparsity(results, *session.tuner);
  if (!state.phases.empty()) {
    results["phases"] = state.phases;
    results["path_metric"] = path_metric(config);
  }
  add_costs(results, session, trainer);
  const std::vector<ChangedKey> changes = read_changes(folder.file("config.yaml"));
  if (!changes.empty()) results["changed_keys"] = to_json(changes);
  results["version"] = version.number;
  results["commit"] = version.commit;
  folder.write_file(kResultsFile, json_text(results, 1) + "\n");
  return results;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
