// What runs get right and wrong: confusion matrix, classes, calibration, scores of a regression,
// and the rows that were most wrong. All from evaluation.json.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "train/report/chart.h"
#include "train/report/report_sections.h"
#include "train/report/text_table.h"

namespace soragrad::train {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kHeight = 360;
constexpr size_t kMatrixClasses = 20;  // of a confusion matrix; more become a list
constexpr size_t kGridClasses = 6;     // with which it fits beside the table of classes
constexpr size_t kListedClasses = 100;
constexpr size_t kListedErrors = 20;
constexpr size_t kNameCharacters = 14, kShortName = 8;
constexpr size_t kDrawnScores = 1500;

std::vector<std::string> names_of(const Json& split) {
  return split.at("labels").get<std::vector<std::string>>();
}

std::string name_at(const std::vector<std::string>& names, const Json& number) {
  return names.at(number.get<size_t>());
}

// Rows are labels, columns predictions; the shade is the share of the label's rows.
std::string confusion_map(const Json& split) {
  const std::vector<std::string> names = names_of(split);
  HeatMap map{
      "Confusion matrix", "label", "prediction", "none of the label's rows", "all", {}, {}, {}};
  for (const std::string& name : names) map.rows.push_back(shown(name, kNameCharacters));
  for (const std::string& name : names) {
    map.columns.push_back(shown(name, names.size() > kGridClasses ? kShortName : kNameCharacters));
  }
  map.cells.assign(names.size() * names.size(), {0, "0"});
  std::vector<double> totals(names.size());
  for (const Json& cell : split.at("confusion")) {
    totals.at(cell.at(0).get<size_t>()) += cell.at(2).get<double>();
  }
  for (const Json& cell : split.at("confusion")) {
    const auto label = cell.at(0).get<size_t>(), predicted = cell.at(1).get<size_t>();
    map.cells.at(label * names.size() + predicted) = {cell.at(2).get<double>() / totals[label],
                                                      std::to_string(cell.at(2).get<int64_t>())};
  }
  return to_svg(map);
}

std::string frequent_errors(const Json& split) {
  const std::vector<std::string> names = names_of(split);
  std::vector<Json> errors;
  for (const Json& cell : split.at("confusion")) {
    if (cell.at(0) != cell.at(1)) errors.push_back(cell);
  }
  std::ranges::stable_sort(errors, [](const Json& a, const Json& b) {
    return a.at(2).get<int64_t>() > b.at(2).get<int64_t>();
  });
  HtmlTable table({"label", "prediction", "rows"}, 2);
  for (size_t i = 0; i < std::min(errors.size(), kListedErrors); ++i) {
    table.row({{name_at(names, errors[i].at(0)), "", false},
               {name_at(names, errors[i].at(1)), "", false},
               {grouped(errors[i].at(2).get<int64_t>()), "", false}});
  }
  return fmt::format("<h4>Most frequent errors of {} classes</h4>\n{}", names.size(), table.html());
}

std::string class_table(const Json& split, const std::string& key) {
  std::vector<std::pair<int64_t, size_t>> order;
  const Json& classes = split.at("classes");
  for (size_t c = 0; c < classes.size(); ++c) {
    order.emplace_back(classes[c].at("support").get<int64_t>(), c);
  }
  const bool is_cut = order.size() > kListedClasses;
  if (is_cut) {
    std::ranges::stable_sort(order, std::ranges::greater{}, [](const auto& o) { return o.first; });
    order.resize(kListedClasses);
  }
  HtmlTable table({"class", "precision", "recall", "f1", "support"});
  for (const auto& [support, c] : order) {
    const auto cell = [&, c = c](const char* field) -> HtmlCell {  // named anew for clang 14
      return {score_text(classes[c].at(field)), fmt::format("{}/classes/{}/{}", key, c, field),
              false};
    };
    table.row({{classes[c].at("label").get<std::string>(), "", false},
               cell("precision"),
               cell("recall"),
               cell("f1"),
               {grouped(support), fmt::format("{}/classes/{}/support", key, c), false}});
  }
  const std::string note =
      is_cut ? fmt::format("<p class=\"note\">The {} most frequent of {} classes.</p>\n",
                           kListedClasses, classes.size())
             : "";
  return table.html() + note;
}

// Two charts over the same bins: how often they are right, and how many answers they hold.
std::vector<std::string> calibration_charts(const Json& split) {
  const bool is_multi = split.at("problem_type") == "multi_label_classification";
  const Json& bins = split.at("calibration").at("bins");
  const double width = 1 / static_cast<double>(bins.size());
  const char* x_label = is_multi ? "predicted probability of a class" : "confidence";
  Chart reliability{"Reliability",
                    x_label,
                    is_multi ? "share with the class" : "share that is right",
                    {},
                    kSmallWidth,
                    kHeight,
                    true};
  Chart counts{is_multi ? "Answers by probability" : "Rows by confidence",
               x_label,
               is_multi ? "rows times classes" : "rows",
               {},
               kSmallWidth,
               kHeight,
               true};
  ChartSeries shares{is_multi ? "share with the class" : "right", {}, false, false, false, width};
  ChartSeries sizes{"", {}, false, false, false, width};
  for (size_t b = 0; b < bins.size(); ++b) {
    const double center = (static_cast<double>(b) + 0.5) * width;
    const auto count = bins[b].at("count").get<int64_t>();
    const auto share = bins[b].at("share").get<double>();
    const std::string note = fmt::format("{}: {:.3f} right at a mean of {:.3f}", grouped(count),
                                         share, bins[b].at("probability").get<double>());
    if (count > 0) shares.points.push_back({center, share, note});
    sizes.points.push_back({center, static_cast<double>(count), note});
  }
  reliability.series = {shares, {"perfect", {{0, 0, ""}, {1, 1, ""}}, true, false, true}};
  counts.series = {sizes};
  return {to_svg(reliability), to_svg(counts)};
}

std::string regression_charts(const Json& split) {
  const Json& labels = split.at("kept").at("label");
  const Json& predicted = split.at("kept").at("predicted");
  Chart scatter{
      "Predictions against scores", "score", "prediction", {}, kSmallWidth, kHeight, false};
  ChartSeries points{"rows", {}, false, true};
  const size_t step = labels.size() / kDrawnScores + 1;
  std::vector<double> errors;
  double low = 0, high = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double x = labels[i].get<double>(), y = predicted[i].get<double>();
    if (i == 0) low = high = x;
    low = std::min(low, x);
    high = std::max(high, x);
    errors.push_back(y - x);
    if (i % step == 0) points.points.push_back({x, y, fmt::format("{:.4g}: {:.4g}", x, y)});
  }
  scatter.series = {points, {"equal", {{low, low, ""}, {high, high, ""}}, true, false, true}};
  constexpr int kBins = 24;
  const auto [least, most] = std::ranges::minmax(errors);
  const double width = std::max((most - least) / kBins, 1e-12);
  std::vector<int64_t> counts(kBins);
  for (const double error : errors) {
    ++counts[static_cast<size_t>(
        std::clamp(static_cast<int>((error - least) / width), 0, kBins - 1))];
  }
  Chart histogram{"Errors", "prediction minus score", "rows", {}, kSmallWidth, kHeight, true};
  ChartSeries bars{"", {}, false, false, false, width};
  for (int b = 0; b < kBins; ++b) {
    const auto count = counts[static_cast<size_t>(b)];
    bars.points.push_back(
        {least + (b + 0.5) * width, static_cast<double>(count), fmt::format("{} rows", count)});
  }
  histogram.series = {bars};
  return html_grid({to_svg(scatter), to_svg(histogram)});
}

std::string split_heading(const Json& split) {
  return fmt::format("<h3>{}: {} rows, loss {}</h3>\n",
                     html_escaped(split.at("name").get<std::string>()),
                     grouped(split.at("rows").get<int64_t>()), score_text(split.at("loss")));
}

std::string split_classes(const Json& split, const std::string& key) {
  std::string text = split_heading(split);
  const auto rows = split.at("rows").get<size_t>(), kept = split.at("kept").at("label").size();
  if (split.at("problem_type") == "regression") {
    text += regression_charts(split);
    if (kept == rows) return text;
    return text + fmt::format("<p class=\"note\">Of the first {} rows.</p>\n",
                              grouped(static_cast<int64_t>(kept)));
  }
  const bool is_single = split.at("problem_type") == "single_label_classification";
  std::string confusion;
  if (is_single) {
    confusion =
        split.at("labels").size() <= kMatrixClasses ? confusion_map(split) : frequent_errors(split);
  }
  const std::string classes = class_table(split, key);
  const bool is_small = split.at("labels").size() <= kGridClasses;
  text += is_small ? html_grid({confusion, classes}) : confusion + classes;
  text += html_grid(calibration_charts(split));
  return text + fmt::format(
                    "<p>Expected calibration error: <b data-key=\"{}/calibration/"
                    "expected_calibration_error\">{}</b>, the mean distance of the bars from the "
                    "dashed line, weighted by their rows; {} bins.</p>\n",
                    key, score_text(split.at("calibration").at("expected_calibration_error")),
                    split.at("calibration").at("bins").size());
}

std::string wrong_rows(const Json& split) {
  const Json& worst = split.at("worst");
  const bool has_pair = !worst.empty() && worst[0].contains("text_pair");
  const bool has_probability = !worst.empty() && worst[0].contains("probability");
  std::vector<std::string> header{"id", "text"};
  if (has_pair) header.emplace_back("second text");
  for (const char* name : {"label", "prediction"}) header.emplace_back(name);
  if (has_probability) {
    header.emplace_back("p(prediction)");
    header.emplace_back("p(label)");
  }
  header.emplace_back("loss");
  HtmlTable table(header, has_pair ? 5 : 4);
  for (const Json& row : worst) {
    const auto text = [&](const char* field) -> HtmlCell {
      return {row.at(field).get<std::string>(), "", false};
    };
    std::vector<HtmlCell> cells{text("id"), text("text")};
    if (has_pair) cells.push_back(text("text_pair"));
    cells.push_back(text("label"));
    cells.push_back(text("predicted"));
    if (has_probability) {
      cells.push_back({score_text(row.at("probability")), "", false});
      cells.push_back({score_text(row.at("label_probability")), "", false});
    }
    cells.push_back({score_text(row.at("loss")), "", false});
    table.row(cells);
  }
  return table.html();
}

}  // namespace

std::string classes_section(const Runs& runs) {
  std::string text;
  for (size_t r = 0; r < runs.size(); ++r) {
    if (!runs[r].evaluation.is_array()) continue;
    text += run_heading(runs, runs[r]);
    for (size_t s = 0; s < runs[r].evaluation.size(); ++s) {
      text += split_classes(runs[r].evaluation[s], fmt::format("{}/evaluation/{}", r, s));
    }
  }
  return text;
}

std::string wrong_rows_section(const Runs& runs) {
  std::string text;
  for (const RunRecord& run : runs) {
    if (!run.evaluation.is_array()) continue;
    std::string own;
    for (const Json& split : run.evaluation) {
      const std::string table = wrong_rows(split);
      const std::string name =
          fmt::format("The {} rows of {} with the largest loss", split.at("worst").size(),
                      split.at("name").get<std::string>());
      // The first split of a single run is open.
      own += own.empty() && runs.size() == 1 ? "<p>" + html_escaped(name) + "</p>\n" + table
                                             : html_details(name, table);
    }
    text += run_heading(runs, run) + own;
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
