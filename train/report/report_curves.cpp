// How runs learned: charts over the steps.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "train/report/chart.h"
#include "train/report/report_sections.h"

namespace soragrad::train {

namespace {

constexpr size_t kMostPoints = 240;  // of a line; more would not be seen
constexpr size_t kMostMarkers = 20;

// Steps that one point of a thinned line stands for.
size_t points_together(const Curve& curve) {
  return (curve.steps.size() + kMostPoints - 1) / kMostPoints;
}

// A point is the mean of as many logged steps as it takes to leave kMostPoints.
ChartSeries series_of(const std::string& name, const Curve& curve, double scale = 1) {
  ChartSeries series{name, {}, true, curve.steps.size() <= kMostMarkers};
  const size_t together = std::max<size_t>(points_together(curve), 1);
  for (size_t begin = 0; begin < curve.steps.size(); begin += together) {
    const size_t end = std::min(begin + together, curve.steps.size());
    double step = 0, value = 0;
    for (size_t i = begin; i < end; ++i) {
      step += curve.steps[i];
      value += curve.values[i];
    }
    const auto count = static_cast<double>(end - begin);
    const double x = step / count, y = scale * value / count;
    series.points.push_back({x, y, fmt::format("step {:g}: {:.5g}", x, y)});
  }
  return series;
}

Chart chart_of(std::string title, std::string y_label) {
  Chart chart{std::move(title), "step", std::move(y_label), {}};
  chart.width = kSmallWidth;
  chart.height = kSmallHeight;
  return chart;
}

void add(Chart& chart, const std::string& name, const Curve& curve, double scale = 1) {
  if (!curve.is_empty()) chart.series.push_back(series_of(name, curve, scale));
}

const Curve& evaluated_curve(const RunRecord& run, const std::string& name) {
  static const Curve kNone;
  const auto found = run.evaluated.find(name);
  return found == run.evaluated.end() ? kNone : found->second;
}

Chart logged_chart(const Runs& runs, const char* title, const char* label, const char* field) {
  Chart chart = chart_of(title, label);
  for (const RunRecord& run : runs) {
    add(chart, runs.size() > 1 ? run.name : "", run.logged_curve(field));
  }
  return chart;
}

std::vector<Chart> loss_charts(const Runs& runs) {
  if (runs.size() == 1) {
    Chart chart = chart_of("Loss", "mean over rows");
    add(chart, "training", runs[0].logged_curve("loss"));
    for (const auto& [name, curve] : runs[0].evaluated) {
      if (name.ends_with("/loss")) add(chart, name.substr(0, name.size() - 5), curve);
    }
    return {chart};
  }
  Chart training = logged_chart(runs, "Training loss", "mean over rows", "loss");
  Chart validation = chart_of("Validation loss", "mean over rows");
  for (const RunRecord& run : runs) {
    add(validation, run.name, evaluated_curve(run, "validation/loss"));
  }
  return {training, validation};
}

// One run: all metrics of its evaluations. Several: the one that picks the best model.
std::vector<Chart> metric_charts(const Runs& runs) {
  if (runs.size() == 1) {
    Chart chart = chart_of("Metrics on validation", "");
    for (const auto& [name, curve] : runs[0].evaluated) {
      const size_t slash = name.find('/');
      const std::string split = name.substr(0, slash), metric = name.substr(slash + 1);
      if (metric == "loss" || !split.starts_with("validation")) continue;
      add(chart, split == "validation" ? metric : split + " " + metric, curve);
    }
    return {chart};
  }
  std::set<std::string> metrics;
  for (const RunRecord& run : runs) metrics.insert(run.config.metric_for_best_model);
  std::vector<Chart> charts;
  for (const std::string& metric : metrics) {
    if (metric.empty() || metric == "loss") continue;
    Chart chart = chart_of("Validation " + metric, metric);
    for (const RunRecord& run : runs) {
      add(chart, run.name, evaluated_curve(run, "validation/" + metric));
    }
    charts.push_back(chart);
  }
  return charts;
}

}  // namespace

std::string curves_section(const Runs& runs) {
  std::vector<Chart> charts = loss_charts(runs);
  for (Chart& chart : metric_charts(runs)) charts.push_back(std::move(chart));
  // Of pre-training alone.
  charts.push_back(logged_chart(runs, "Loss of the language model", "a position", "mlm_loss"));
  charts.push_back(logged_chart(runs, "Loss of the detection", "a token", "rtd_loss"));
  charts.push_back(logged_chart(runs, "Language model: right", "share", "mlm_accuracy"));
  charts.push_back(logged_chart(runs, "Detection: right", "share", "rtd_accuracy"));
  charts.push_back(logged_chart(runs, "Learning rate", "of the main group", "learning_rate"));
  charts.push_back(logged_chart(runs, "Gradient norm", "before clipping", "grad_norm"));
  charts.push_back(logged_chart(runs, "Speed", "tokens/s", "tokens_per_second"));
  charts.back().from_zero = true;
  std::vector<std::string> parts;
  for (const Chart& chart : charts) {
    if (!chart.series.empty()) parts.push_back(to_svg(chart));
  }
  if (parts.empty()) return "";
  size_t together = 1;
  for (const RunRecord& run : runs) {
    together = std::max(together, points_together(run.logged_curve("loss")));
  }
  const std::string note =
      together == 1 ? ""
                    : fmt::format(
                          "<p class=\"note\">A point of a training curve is the mean of up "
                          "to {} logged steps.</p>\n",
                          together);
  return html_grid(parts) + note;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
