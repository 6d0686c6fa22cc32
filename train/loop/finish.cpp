#include "train/loop/finish.h"

#include <algorithm>
#include <cmath>

#include "core/allocator.h"
#include "core/file.h"
#include "core/parallel.h"
#include "train/loop/process.h"
#include "train/report/rank_table.h"
#include "train/report/threshold_path.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

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
    if (sora::is_head(parameter->path())) head += parameter->declared_shape().numel();
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

std::string percent(double share) {
  return fmt::format("{:.1f}%", 100 * share);
}

std::string metric_text(const json& value) {
  const bool finite = value.is_number() && std::isfinite(value.get<double>());
  return finite ? fmt::format("{:.4f}", value.get<double>()) : "-";
}

void append_split(std::string& text, const json& results, const std::string& split) {
  if (!results.contains(split) || results[split].is_null()) return;
  for (const auto& [name, value] : results[split].items()) {
    const json& baseline = results["majority_baseline"];
    const json majority = baseline.contains(split) ? baseline[split].value(name, json()) : json();
    text += fmt::format("  {:<14} {:<22} {:>8}   majority {:>8}\n", split, name, metric_text(value),
                        metric_text(majority));
  }
}

}  // namespace

json finish_run(Session& session, const RunFolder& folder, const Trainer& trainer,
                const Version& version) {
  folder.replace_folder("final", [&](const std::string& path) { save_trained(path, session); });
  const Config& config = session.config;
  const RunState& state = trainer.state();
  json results;
  results["task"] = config.task;
  results["method"] = config.method.method;
  results["seed"] = config.seed;
  results["protocol"] = config.protocol;
  results["model"] = session.info.base_model;
  results["steps"] = state.step;
  results["best_step"] = state.best_step;
  results["metric_for_best_model"] = config.metric_for_best_model;
  for (const auto& [split, metrics] : state.last_validation.items()) results[split] = metrics;
  for (const Rows& rows : session.validation) {
    results["majority_baseline"][rows.name] =
        to_object(majority_baseline(session.train.dataset, rows.dataset));
  }
  results["test"] = nullptr;
  for (const Rows& rows : session.test) {
    results[rows.name] =
        to_object(evaluate(*session.model, rows, config.per_device_eval_batch_size).metrics);
    results["majority_baseline"][rows.name] =
        to_object(majority_baseline(session.train.dataset, rows.dataset));
  }
  results["parameters"] = parameters_of(session);
  const sora::Sparsity sparsity = session.tuner->method().sparsity();
  results["sparsity"] = sparsity.share();
  if (sparsity.total > 0) {
    results["entries"] = {{"zero", sparsity.zero}, {"total", sparsity.total}};
  }
  results["ranks"] = json::array();
  for (const sora::ModuleRank& rank : session.tuner->method().ranks()) {
    results["ranks"].push_back({{"module", rank.module}, {"kept", rank.kept}, {"rank", rank.rank}});
  }
  if (!state.phases.empty()) {
    results["phases"] = state.phases;
    results["path_metric"] = path_metric(config);
  }
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
  }
  results["device"] = name_of(session.device);
  results["precision"] = config.precision;
  results["threads"] = num_threads();
  results["version"] = version.number;
  results["commit"] = version.commit;
  write_file_atomically(folder.file("results.json"), results.dump(1) + "\n");
  return results;
}

std::vector<sora::ModuleRank> ranks_of(const json& list) {
  std::vector<sora::ModuleRank> ranks;
  for (const json& rank : list) {
    ranks.push_back({rank.at("module").get<std::string>(), rank.at("kept").get<int64_t>(),
                     rank.at("rank").get<int64_t>()});
  }
  return ranks;
}

std::string summary_text(const json& results) {
  const double seconds = results["seconds"].get<double>();
  std::string text =
      fmt::format("{} by {}, seed {}: {} steps in {} ({:.0f} tokens/s)\n",
                  results["task"].get<std::string>(), results["method"].get<std::string>(),
                  results["seed"].get<int64_t>(), results["steps"].get<int64_t>(),
                  duration_text(seconds), results["tokens_per_second"].get<double>());
  for (const char* split : {"validation", "validation_mm", "test", "test_mm"}) {
    append_split(text, results, split);
  }
  if (const int64_t best = results["best_step"].get<int64_t>(); best > 0) {
    text += fmt::format("  best step {} by {}\n", best,
                        results["metric_for_best_model"].get<std::string>());
  }
  const json& parameters = results["parameters"];
  const auto count = [&](const char* name) { return grouped(parameters[name].get<int64_t>()); };
  text += fmt::format("  parameters: {} trainable (head: {}) of {}; stored {}\n",
                      count("trainable"), count("trainable_head"), count("model"), count("stored"));
  text += fmt::format("  by the released code's counter: {} trainable, {} stored\n",
                      count("trainable_released_counter"), count("stored_released_counter"));
  if (results.contains("entries")) {
    text += fmt::format(
        "  sparsity {}: {} of {} are zero\n", percent(results["sparsity"].get<double>()),
        results["entries"]["zero"].get<int64_t>(), results["entries"]["total"].get<int64_t>());
    const std::string table = rank_table(ranks_of(results["ranks"]));
    if (!table.empty()) text += "kept rank of each module:\n" + table;
  }
  if (results.contains("phases")) {
    text += path_text(read_path(results["phases"], results["path_metric"].get<std::string>()));
  }
  return text;
}

}  // namespace soragrad::train
