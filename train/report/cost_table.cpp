#include "train/report/cost_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/report/mean_std.h"

namespace soragrad::train {

namespace {

struct Costs {
  std::string task, method;
  bool adalora = false;
  std::vector<double> trained, stored, released, sparsity, step, epoch;
};

// The number under these keys; NaN where there is none.
double number_at(const nlohmann::json& results, const char* key, const char* inner = nullptr) {
  const auto found = results.find(key);
  if (found == results.end()) return NAN;
  if (inner) return found->is_object() ? number_at(*found, inner) : NAN;
  return found->is_number() ? found->get<double>() : NAN;
}

Costs& costs_of(std::vector<Costs>& all, const FinishedRun& run) {
  for (Costs& costs : all) {
    if (costs.task == run.task && costs.method == run.method) return costs;
  }
  all.push_back({run.task, run.method});
  return all.back();
}

std::string count_text(const std::vector<double>& values) {
  const double mean = mean_std(values).mean;
  return std::isfinite(mean) ? grouped(std::llround(mean)) : "-";
}

std::string cost_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : "-";
}

std::string percent_text(double share) {
  return std::isfinite(share) ? fmt::format("{:.1f}%", 100 * share) : "-";
}

}  // namespace

TextTable cost_table(const std::vector<FinishedRun>& runs) {
  std::vector<Costs> all;
  for (const FinishedRun& run : runs) {
    const nlohmann::json& results = run.results;
    Costs& costs = costs_of(all, run);
    costs.adalora = results.value("method", "") == "adalora";
    costs.trained.push_back(number_at(results, "parameters", "trainable") -
                            number_at(results, "parameters", "trainable_head"));
    costs.stored.push_back(number_at(results, "parameters", "stored"));
    costs.released.push_back(number_at(results, "parameters", "stored_released_counter"));
    costs.sparsity.push_back(number_at(results, "sparsity"));
    costs.step.push_back(number_at(results, "seconds_per_step"));
    costs.epoch.push_back(costs.step.back() * number_at(results, "steps_per_epoch"));
  }
  TextTable table{
      {"task", "method", "trained", "stored", "released", "zero", "ms/step", "s/epoch", "/adalora"},
      {}};
  for (const Costs& costs : all) {
    const auto reference = std::ranges::find_if(
        all, [&](const Costs& other) { return other.adalora && other.task == costs.task; });
    const double epoch = mean_std(costs.epoch).mean;
    const double against = reference == all.end() ? NAN : mean_std(reference->epoch).mean;
    table.rows.push_back({costs.task, costs.method, count_text(costs.trained),
                          count_text(costs.stored), count_text(costs.released),
                          percent_text(mean_std(costs.sparsity).mean),
                          cost_text(1000 * mean_std(costs.step).mean), cost_text(epoch),
                          cost_text(epoch / against)});
  }
  return table;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
