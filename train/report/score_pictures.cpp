#include "train/report/score_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "train/report/chart.h"
#include "train/report/mean_std.h"

namespace soragrad::train {

namespace {

// The mean over seeds of a cell's first metric, in percent; NaN if no run is complete.
double score_of(const ScoreCell& cell) {
  return cell.scores.empty() ? NAN : mean_std(values_of(cell.scores.front())).mean;
}

struct ScoreRange {
  double low, high;
  // 0 for the lowest and 1 for the highest; 1 if all are equal.
  double share(double value) const { return high > low ? (value - low) / (high - low) : 1; }
};

std::optional<ScoreRange> range_of(const ScoreTable& table, size_t task) {
  std::optional<ScoreRange> range;
  for (size_t m = 0; m < table.methods.size(); ++m) {
    const double score = score_of(table.cells[task * table.methods.size() + m]);
    if (!std::isfinite(score)) continue;
    if (!range) range = ScoreRange{score, score};
    range = ScoreRange{std::min(range->low, score), std::max(range->high, score)};
  }
  return range;
}

HeatMap score_map(const ScoreTable& table) {
  HeatMap map{.title = "Mean score in percent, by method and task",
              .row_label = "method",
              .column_label = "task",
              .low = "the task's lowest",
              .high = "its highest",
              .rows = table.methods,
              .columns = table.tasks,
              .cells = {}};
  for (size_t m = 0; m < table.methods.size(); ++m) {
    for (size_t t = 0; t < table.tasks.size(); ++t) {
      const double score = score_of(table.cells[t * table.methods.size() + m]);
      const std::optional<ScoreRange> range = range_of(table, t);
      map.cells.push_back(std::isfinite(score)
                              ? HeatCell{range->share(score), fmt::format("{:.1f}", score)}
                              : HeatCell{-1, "-"});
    }
  }
  return map;
}

// What a method's runs of a task cost.
struct ShownCosts {
  double stored = NAN;         // parameters of the adapter without zero gates
  double epoch_seconds = NAN;  // steps alone
};

ShownCosts costs_of(const ScoreTable& table, const ScoreCell& cell) {
  std::vector<double> stored, seconds;
  for (const FinishedRun& run : table.runs) {
    if (run.task != cell.task || run.method != cell.method) continue;
    const nlohmann::json parameters = run.results.value("parameters", nlohmann::json::object());
    stored.push_back(parameters.value("stored", 0.0));
    seconds.push_back(run.results.value("seconds_per_step", 0.0) *
                      run.results.value("steps_per_epoch", 0.0));
  }
  return {mean_std(stored).mean, mean_std(seconds).mean};
}

// The scores over one of the costs, a series a task.
Chart cost_chart(const ScoreTable& table, double ShownCosts::*cost, const char* title,
                 const char* x_label) {
  Chart chart{
      .title = title, .x_label = x_label, .y_label = "score, percent", .series = {}, .log_x = true};
  for (size_t t = 0; t < table.tasks.size(); ++t) {
    ChartSeries series{.name = table.tasks[t], .points = {}, .line = false};
    for (size_t m = 0; m < table.methods.size(); ++m) {
      const ScoreCell& cell = table.cells[t * table.methods.size() + m];
      const double score = score_of(cell), x = costs_of(table, cell).*cost;
      if (!std::isfinite(score) || !std::isfinite(x)) continue;
      series.points.push_back(
          {x, score, fmt::format("{}, {}: {:.2f}% at {:.4g}", cell.task, cell.method, score, x)});
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

std::string score_pictures(const ScoreTable& table) {
  const auto has_score = [&](size_t method) {
    for (size_t t = 0; t < table.tasks.size(); ++t) {
      if (std::isfinite(score_of(table.cells[t * table.methods.size() + method]))) return true;
    }
    return false;
  };
  size_t methods = 0;
  for (size_t m = 0; m < table.methods.size(); ++m) methods += has_score(m);
  if (methods < 2) return "";
  return "<h2>Scores and costs</h2>\n" + to_svg(score_map(table)) +
         to_svg(cost_chart(table, &ShownCosts::stored, "Score over stored parameters",
                           "parameters of the adapter without zero gates")) +
         to_svg(cost_chart(table, &ShownCosts::epoch_seconds, "Score over time",
                           "seconds an epoch, evaluations not counted"));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
