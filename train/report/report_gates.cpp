// What became of the gates: how many are at zero, their sizes beside the thresholds, and the ranks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/report/chart.h"
#include "train/report/rank_table.h"
#include "train/report/report_sections.h"
#include "train/report/summary.h"
#include "train/report/threshold_path.h"

namespace soragrad::train {

namespace {

constexpr size_t kSliderSteps = 60;       // moments that the heat map can be moved to
constexpr size_t kDrawnSteps = 40;        // corners of the line of one gate
constexpr int64_t kDrawnGates = 8;        // of one module
constexpr size_t kMostTrajectories = 96;  // modules

// `count` indices of `size` records, evenly spread, first and last among them.
std::vector<size_t> spread(size_t size, size_t count) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < std::min(size, count); ++i) {
    indices.push_back(size <= count ? i : i * (size - 1) / (count - 1));
  }
  return indices;
}

std::vector<int64_t> kept_of(const GateHistory& gates, const GateRecord& record) {
  std::vector<int64_t> kept;
  auto gate = record.gates.begin();
  for (const sora::ModuleRank& module : gates.modules) {
    kept.push_back(std::count_if(gate, gate + module.rank, [](float g) { return g != 0; }));
    gate += module.rank;
  }
  return kept;
}

Chart zero_chart(const Runs& runs) {
  Chart chart{"Gates at zero", "step", "%", {}, kSmallWidth, kSmallHeight, true};
  for (const RunRecord& run : runs) {
    if (run.gates.records.empty()) continue;
    ChartSeries series{runs.size() > 1 ? run.name : "", {}, true, false};
    const auto total = static_cast<double>(run.gates.gates());
    for (const GateRecord& record : run.gates.records) {
      const auto zero = static_cast<double>(std::ranges::count(record.gates, 0.0f));
      series.points.push_back({static_cast<double>(record.step), 100 * zero / total, ""});
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

// Quantiles of the absolute gates, and the sum of all thresholds so far: what a gate must have been
// below to be at zero by thresholds alone.
Chart size_chart(const RunRecord& run) {
  const bool is_sora = run.config.method.method == "sora";
  Chart chart{
      is_sora ? "Sizes of the gates and the sum of thresholds" : "Sizes of the singular values",
      "step",
      is_sora ? "absolute gate" : "absolute value",
      {},
      kSmallWidth,
      kSmallHeight,
      true};
  constexpr std::pair<const char*, double> kQuantiles[] = {
      {"90%", 0.9}, {"75%", 0.75}, {"median", 0.5}, {"25%", 0.25}, {"10%", 0.1}};
  for (const auto& [name, quantile] : kQuantiles) {
    chart.series.push_back({name, {}, true, false});
  }
  ChartSeries thresholds{"sum of thresholds", {}, true, false, true};
  for (const GateRecord& record : run.gates.records) {
    std::vector<double> sizes;
    for (const float gate : record.gates) sizes.push_back(std::abs(static_cast<double>(gate)));
    std::ranges::sort(sizes);
    const auto step = static_cast<double>(record.step);
    for (size_t i = 0; i < chart.series.size(); ++i) {
      const double at = kQuantiles[i].second * static_cast<double>(sizes.size() - 1);
      chart.series[i].points.push_back({step, sizes[static_cast<size_t>(std::lround(at))], ""});
    }
    thresholds.points.push_back({step, record.threshold_sum, ""});
  }
  if (is_sora) chart.series.push_back(std::move(thresholds));
  return chart;
}

// The final ranks by layer and module, with the logged steps' for the page's slider.
std::string rank_block(const RunRecord& run) {
  const GateHistory& gates = run.gates;
  const std::vector<sora::ModuleRank> final_ranks =
      run.is_finished() ? ranks_of(run.results.at("ranks")) : gates.modules;
  const RankGrid grid = rank_grid(final_ranks);
  if (grid.layers.empty()) return "";
  std::string svg = to_svg(rank_map(grid, "Kept rank of each module"));
  if (gates.records.size() < 2) return svg;
  std::string steps, kept, rank;
  for (const sora::ModuleRank& cell : grid.cells) {
    if (cell.rank > 0) rank += fmt::format("{}{}", rank.empty() ? "" : " ", cell.rank);
  }
  std::vector<size_t> shown = spread(gates.records.size(), kSliderSteps);
  for (const size_t i : shown) {
    const std::vector<int64_t> counts = kept_of(gates, gates.records[i]);
    std::vector<sora::ModuleRank> then = gates.modules;
    for (size_t m = 0; m < then.size(); ++m) then[m].kept = counts[m];
    const RankGrid then_grid = rank_grid(then);
    steps += fmt::format("{}{}", steps.empty() ? "" : " ", gates.records[i].step);
    std::string line;
    for (const sora::ModuleRank& cell : then_grid.cells) {
      if (cell.rank > 0) line += fmt::format("{}{}", line.empty() ? "" : " ", cell.kept);
    }
    kept += (kept.empty() ? "" : ";") + line;
  }
  return fmt::format(
      "<div class=\"ranks\" data-steps=\"{}\" data-kept=\"{}\" data-rank=\"{}\">{}"
      "<label class=\"slider\"><input type=\"range\" min=\"0\" max=\"{}\" value=\"{}\"> "
      "<output>at the end</output></label></div>",
      steps, kept, rank, svg, shown.size() - 1, shown.size() - 1);
}

// A row for each module, a column for each of some logged steps: the shade is the kept rank.
std::string rank_history(const RunRecord& run) {
  constexpr double kCell = 13, kTop = 40;
  constexpr size_t kColumns = 50;
  const GateHistory& gates = run.gates;
  if (gates.records.size() < 2) return "";
  const std::vector<size_t> shown = spread(gates.records.size(), kColumns);
  size_t longest = 0;
  for (const sora::ModuleRank& module : gates.modules) {
    longest = std::max(longest, module.module.size());
  }
  const double left = 5.6 * static_cast<double>(longest) + 16;
  const double width = left + kCell * static_cast<double>(shown.size()) + 12;
  const double height = kTop + kCell * static_cast<double>(gates.modules.size()) + 10;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" font-family=\"system-ui, sans-serif\" "
      "font-size=\"10\" fill=\"var(--ink,#222)\">\n<title>Kept rank over the steps</title>\n",
      width, height);
  std::vector<std::vector<int64_t>> kept;
  for (const size_t i : shown) kept.push_back(kept_of(gates, gates.records[i]));
  for (const size_t column : {size_t{0}, shown.size() - 1}) {
    text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"{}\">step {}</text>\n",
                        left + kCell * static_cast<double>(column + (column > 0)), kTop - 8,
                        column == 0 ? "start" : "end", gates.records[shown[column]].step);
  }
  for (size_t m = 0; m < gates.modules.size(); ++m) {
    const sora::ModuleRank& module = gates.modules[m];
    const double y = kTop + kCell * static_cast<double>(m);
    text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", left - 6,
                        y + 10, html_escaped(module.module));
    // Equal neighbours share one rectangle.
    for (size_t begin = 0, end = 0; begin < shown.size(); begin = end) {
      while (end < shown.size() && kept[end][m] == kept[begin][m]) ++end;
      const double share =
          module.rank > 0 ? static_cast<double>(kept[begin][m]) / static_cast<double>(module.rank)
                          : 0;
      text += fmt::format(
          "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{}\" "
          "fill=\"var(--heat,#084594)\" fill-opacity=\"{:.2f}\"><title>from step {}: {}/{}"
          "</title></rect>\n",
          left + kCell * static_cast<double>(begin), y, kCell * static_cast<double>(end - begin),
          kCell - 1, 0.04 + 0.92 * share, gates.records[shown[begin]].step, kept[begin][m],
          module.rank);
    }
  }
  return text + "</svg>\n";
}

// The lines of the gates of one module in a box of the given size, on a scale that all boxes share.
std::string trajectory_lines(const GateHistory& gates, size_t first_gate, int64_t rank,
                             double largest, double width, double height) {
  const std::vector<size_t> shown = spread(gates.records.size(), kDrawnSteps);
  const auto first_step = static_cast<double>(gates.records[shown.front()].step);
  const double steps =
      std::max(static_cast<double>(gates.records[shown.back()].step) - first_step, 1.0);
  std::string text;
  for (const size_t g : spread(static_cast<size_t>(rank), kDrawnGates)) {
    std::string path;
    for (const size_t i : shown) {
      const GateRecord& record = gates.records[i];
      const double x = (static_cast<double>(record.step) - first_step) / steps * width;
      const double y =
          height / 2 * (1 - static_cast<double>(record.gates[first_gate + g]) / largest);
      path += fmt::format("{}{:.0f} {:.1f}", path.empty() ? "M" : "L", x, y);
    }
    const bool is_zero = gates.records.back().gates[first_gate + g] == 0;
    text += fmt::format("<path d=\"{}\" stroke=\"{}\" fill=\"none\"/>\n", path,
                        is_zero ? "var(--muted,#888)" : "var(--s0,#0072b2)");
  }
  return text;
}

// A small chart for each module.
std::string trajectories(const RunRecord& run) {
  constexpr double kBoxWidth = 172, kBoxHeight = 74, kColumnWidth = 190, kRowHeight = 106;
  constexpr size_t kColumns = 6;
  const GateHistory& gates = run.gates;
  if (gates.records.size() < 2) return "";
  double largest = 1e-30;
  for (const GateRecord& record : gates.records) {
    for (const float g : record.gates) {
      if (std::isfinite(g)) largest = std::max(largest, std::abs(static_cast<double>(g)));
    }
  }
  const size_t count = std::min(gates.modules.size(), kMostTrajectories);
  const size_t rows = (count + kColumns - 1) / kColumns;
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" font-family=\"system-ui, sans-serif\" "
      "font-size=\"10\" fill=\"var(--ink,#222)\">\n<title>Gates over the steps</title>\n",
      kColumnWidth * kColumns, kRowHeight * static_cast<double>(rows));
  size_t first_gate = 0;
  for (size_t m = 0; m < count; ++m) {
    const sora::ModuleRank& module = gates.modules[m];
    const size_t row = m / kColumns, column = m % kColumns;
    std::string name = module.module;
    if (const size_t at = name.find("layer."); at != name.npos) name = name.substr(at);
    text += fmt::format(
        "<g transform=\"translate({:.0f} {:.0f})\"><title>{}</title><text x=\"0\" y=\"-5\">{}"
        "</text><rect width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"var(--line,#ddd)\"/>"
        "<path d=\"M0 {}h{}\" stroke=\"var(--line,#ddd)\"/>\n{}</g>\n",
        4 + kColumnWidth * static_cast<double>(column), 18 + kRowHeight * static_cast<double>(row),
        html_escaped(module.module),
        html_escaped(name.size() > 33 ? "..." + name.substr(name.size() - 30) : name), kBoxWidth,
        kBoxHeight, kBoxHeight / 2, kBoxWidth,
        trajectory_lines(gates, first_gate, module.rank, largest, kBoxWidth, kBoxHeight));
    first_gate += static_cast<size_t>(module.rank);
  }
  return fmt::format(
      "<p class=\"note\">From step {} to step {}; every box spans {:.3g} to {:.3g}. Gates that end "
      "at zero are grey. {}{}</p>\n{}</svg>\n",
      gates.records.front().step, gates.records.back().step, -largest, largest,
      fmt::format("Up to {} gates of a module are drawn.", kDrawnGates),
      count < gates.modules.size() ? fmt::format(" These are the first {} modules.", count) : "",
      text);
}

std::string gates_of(const Runs& runs, const RunRecord& run) {
  if (run.gates.records.empty()) {
    if (!run.is_finished() || run.results.value("entries", nlohmann::json()).is_null()) return "";
    return run_heading(runs, run) + rank_block(run) +
           "<p class=\"note\">The run has no gates.bin: only its final ranks are known.</p>\n";
  }
  std::string text = run_heading(runs, run);
  const auto found = run.is_finished() ? run.results.find("gates") : run.results.end();
  if (run.is_finished() && found != run.results.end()) {
    text += fmt::format("<p class=\"warning\">{}</p>\n",
                        html_escaped(found->value("text", std::string())));
  }
  const bool is_alone = runs.size() == 1;
  text +=
      html_grid({is_alone ? to_svg(zero_chart(runs)) : rank_block(run), to_svg(size_chart(run))});
  if (is_alone) text += rank_block(run);
  text += html_details("Rank of each module over the steps", rank_history(run));
  return text + html_details("Every gate over the steps", trajectories(run));
}

}  // namespace

std::string gates_section(const Runs& runs) {
  std::string text;
  const Chart zero = zero_chart(runs);
  if (runs.size() > 1 && !zero.series.empty()) text += to_svg(zero);
  for (const RunRecord& run : runs) text += gates_of(runs, run);
  return text;
}

std::string path_section(const Runs& runs) {
  std::string text;
  for (const RunRecord& run : runs) {
    if (!run.is_finished() || !run.results.contains("phases")) continue;
    text += run_heading(runs, run);
    text += path_html(read_path(run.results["phases"], run.results.value("path_metric", "")));
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
