#include "train/report/score_table.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "data/task.h"
#include "train/config/own_data.h"
#include "train/config/protocol.h"
#include "train/report/mean_std.h"
#include "train/report/page.h"
#include "train/report/printed_results.h"
#include "train/report/score_pictures.h"
#include "train/report/text_table.h"
#include "train/run/results_file.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

// Errors are shown as they are, all other metrics in percent.
bool is_error(const std::string& metric) {
  return metric == "mse" || metric == "mae";
}
std::string score_text(const std::string& metric, double value) {
  const bool is_small = is_error(metric) && value != 0 && std::abs(value) < 1;
  return is_small ? fmt::format("{:.3g}", value) : fmt::format("{:.2f}", value);
}

// What a cell shows: the task's metrics, or of own data the one that picks the best checkpoint,
// which the files decide.
std::vector<data::ReportedMetric> metrics_of(const Config& config, const json& results) {
  if (!is_custom(config)) return data::find_task(config.task).reported_metrics();
  if (!results.is_null()) {
    return {{"", results.value("metric_for_best_model", std::string("score"))}};
  }
  const std::string& metric = config.metric_for_best_model;
  return {{"", metric.empty() ? "score" : metric}};
}

ScoreCell collect_cell(const Recipe& recipe, const std::string& task, const std::string& method,
                       ScoreTable& table) {
  ScoreCell cell;
  cell.task = task;
  cell.method = method;
  for (const GridRun& run : runs_of_cell(recipe, task, method)) {
    const Config config = config_of(recipe, run);
    cell.split = config.protocol == "paper" ? "test" : "validation";
    table.source = printed_source(config.protocol);
    cell.printed = printed_score(task, config);
    cell.printed_average = printed_average(config);
    ++table.wanted;
    const bool is_done = is_complete(run.folder);
    const json results = is_done ? read_results(run.folder) : json();
    const std::vector<data::ReportedMetric> shown = metrics_of(config, results);
    if (cell.scores.empty() || is_done) {
      cell.metrics.clear();
      for (const data::ReportedMetric& one : shown) cell.metrics.push_back(one.metric + one.ending);
      cell.scores.resize(shown.size());
      cell.undefined.resize(shown.size());
    }
    if (!is_done) continue;
    table.runs.push_back({task, method, results});
    for (size_t i = 0; i < shown.size(); ++i) {
      const std::string& metric = shown[i].metric;
      const auto split = results.find(cell.split + shown[i].ending);
      if (split == results.end() || !split->is_object() || !split->contains(metric)) continue;
      const json& value = (*split)[metric];
      if (!value.is_number()) {
        ++cell.undefined[i];
        continue;
      }
      const double scale = is_error(metric) ? 1 : 100;
      cell.scores[i].push_back({run.seed, run.fold, scale * value.get<double>()});
    }
  }
  return cell;
}

const ScoreCell& cell_of(const ScoreTable& table, size_t task, size_t method) {
  return table.cells[task * table.methods.size() + method];
}

// Papers' average is over all eight tasks; of fewer there is none.
bool has_average(const ScoreTable& table) {
  return std::ranges::all_of(printed_tasks(), [&](std::string_view task) {
    return std::ranges::find(table.tasks, task) != table.tasks.end();
  });
}

// Mean over the eight tasks of the means over seeds, each task's numbers averaged first.
std::string average_text(const ScoreTable& table, size_t method) {
  std::vector<double> means;
  for (size_t t = 0; t < table.tasks.size(); ++t) {
    if (std::ranges::find(printed_tasks(), table.tasks[t]) == printed_tasks().end()) continue;
    std::vector<double> numbers;
    for (const auto& scores : cell_of(table, t, method).scores) {
      if (scores.empty()) return "-";
      numbers.push_back(mean_std(values_of(scores)).mean);
    }
    means.push_back(mean_std(numbers).mean);
  }
  return fmt::format("{:.2f}", mean_std(means).mean);
}

// Whether a paper prints any of the scores: of pico, say, none does.
bool has_printed(const ScoreTable& table) {
  return std::ranges::any_of(table.cells,
                             [](const ScoreCell& cell) { return cell.printed != kNotStated; });
}

// Rows: a method's own scores, then the printed ones.
TextTable word_table(const ScoreTable& table) {
  TextTable words{{"method"}, {}};
  for (size_t t = 0; t < table.tasks.size(); ++t) {
    std::string name = table.tasks[t];
    for (const std::string& metric : cell_of(table, t, 0).metrics) {
      name += (name == table.tasks[t] ? " " : "/") + metric;
    }
    words.header.push_back(name);
  }
  const bool average = has_average(table), is_printed = has_printed(table);
  if (average) words.header.emplace_back("average");
  for (size_t m = 0; m < table.methods.size(); ++m) {
    std::vector<std::string> own{table.methods[m]}, printed{"  (printed)"};
    for (size_t t = 0; t < table.tasks.size(); ++t) {
      own.push_back(score_text(cell_of(table, t, m)));
      printed.push_back(cell_of(table, t, m).printed);
    }
    if (average) {
      own.push_back(average_text(table, m));
      printed.push_back(cell_of(table, 0, m).printed_average);
    }
    words.rows.push_back(own);
    if (is_printed) words.rows.push_back(printed);
  }
  return words;
}

std::string caption(const ScoreTable& table) {
  std::string splits = table.cells.front().split;
  bool has_errors = false, has_shares = false;
  for (const ScoreCell& cell : table.cells) {
    if (cell.split != splits) splits = "validation or test";  // by each method's protocol
    for (const std::string& metric : cell.metrics) {
      (is_error(metric) ? has_errors : has_shares) = true;
    }
  }
  const char* unit = !has_errors ? ", in percent" : has_shares ? ", in percent but for errors" : "";
  return fmt::format(
      "{} split{}: mean ± standard deviation over {} (their number).\n"
      "{} of {} runs are complete.\n{}",
      splits, unit, table.folds > 0 ? "seeds and folds" : "seeds", table.runs.size(), table.wanted,
      has_printed(table) ? fmt::format("Printed: {}.\n", table.source) : "");
}

std::string p_text(double p) {
  if (std::isnan(p)) return "-";
  return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

// The other methods' scores beside those of `against`, metric by metric.
TextTable difference_table(const ScoreTable& table) {
  TextTable words{{"task", "method", "metric", "difference", "std", "pairs", "p"}, {}};
  const auto reference =
      static_cast<size_t>(std::ranges::find(table.methods, table.against) - table.methods.begin());
  for (size_t t = 0; t < table.tasks.size(); ++t) {
    const ScoreCell& other = cell_of(table, t, reference);
    for (size_t m = 0; m < table.methods.size(); ++m) {
      const ScoreCell& cell = cell_of(table, t, m);
      for (size_t i = 0; m != reference && i < cell.scores.size(); ++i) {
        if (i >= other.scores.size() || cell.metrics[i] != other.metrics[i]) continue;
        const PairedDifference found = paired_difference(cell.scores[i], other.scores[i]);
        if (found.pairs == 0) continue;
        words.rows.push_back({cell.task, cell.method, cell.metrics[i],
                              (found.mean > 0 ? "+" : "") + score_text(cell.metrics[i], found.mean),
                              found.pairs > 1 ? score_text(cell.metrics[i], found.std) : "-",
                              std::to_string(found.pairs), p_text(found.p)});
      }
    }
  }
  return words;
}

std::string difference_title(const ScoreTable& table) {
  return fmt::format("Differences from {}", table.against);
}

std::string difference_caption(const ScoreTable& table) {
  const bool folds = table.folds > 0;
  return fmt::format(
      "difference: mean of a method's score minus that of {} over the {} that both\nhave; p: {}.\n",
      table.against, folds ? "seeds and folds" : "seeds",
      folds ? "none, because folds share rows that train"
            : "how probable one at least as large is if the two do not differ (paired t-test)");
}

constexpr const char* kCosts =
    "trained: parameters that train, without the head; stored: what the adapter holds\n"
    "without zero gates; released: the same by the released code's counter; zero: gates\n"
    "(adalora: singular values) that are 0; /adalora: epochs against adalora's.\n";

std::string csv_table(const ScoreTable& table) {
  TextTable words{
      {"task", "method", "split", "metric", "mean", "std", "seeds", "printed", "undefined"}, {}};
  for (const ScoreCell& cell : table.cells) {
    for (size_t i = 0; i < cell.metrics.size(); ++i) {
      const MeanStd score = mean_std(values_of(cell.scores[i]));
      const bool there = score.count > 0;
      const auto number = [&](double value) {
        return is_error(cell.metrics[i]) ? fmt::format("{:.6g}", value)
                                         : fmt::format("{:.4f}", value);
      };
      words.rows.push_back({cell.task, cell.method, cell.split, cell.metrics[i],
                            there ? number(score.mean) : "",
                            score.count > 1 ? number(score.std) : "", std::to_string(score.count),
                            cell.printed, std::to_string(cell.undefined[i])});
    }
  }
  return to_csv(words);
}

std::string text_table(const ScoreTable& table) {
  std::string text = table.title.empty() ? "" : table.title + "\n\n";
  text += to_text(word_table(table), 1, kScreen) + "\n" + caption(table);
  if (table.runs.empty()) return text;
  if (!table.against.empty()) {
    text += fmt::format("\n{}\n\n{}\n{}", difference_title(table),
                        to_text(difference_table(table), 3), difference_caption(table));
  }
  return text + "\n" + to_text(cost_table(table.runs), 2) + "\n" + kCosts;
}

std::string markdown_table(const ScoreTable& table) {
  std::string text = table.title.empty() ? "" : "# " + table.title + "\n\n";
  text += to_markdown(word_table(table)) + "\n" + caption(table);
  if (table.runs.empty()) return text;
  if (!table.against.empty()) {
    text += fmt::format("\n## {}\n\n{}\n{}", difference_title(table),
                        to_markdown(difference_table(table)), difference_caption(table));
  }
  return text + "\n" + to_markdown(cost_table(table.runs)) + "\n" + kCosts;
}

std::string html_table(const ScoreTable& table) {
  std::string body = to_html(word_table(table)) + "<p>" + html_escaped(caption(table)) + "</p>\n";
  if (!table.runs.empty() && !table.against.empty()) {
    body +=
        fmt::format("<h2>{}</h2>\n{}<p>{}</p>\n", html_escaped(difference_title(table)),
                    to_html(difference_table(table), 3), html_escaped(difference_caption(table)));
  }
  if (!table.runs.empty()) {
    body += "<h2>Costs</h2>\n" + to_html(cost_table(table.runs), 2) + "<p>" + html_escaped(kCosts) +
            "</p>\n" + score_pictures(table);
  }
  return html_page(table.title.empty() ? "soragrad table" : table.title, body);
}

}  // namespace

ScoreTable collect_scores(const Recipe& recipe, const std::string& against) {
  ScoreTable table;
  table.against = against;
  table.title = recipe.title;
  table.folds = recipe.folds;
  for (const auto& [task, keys] : recipe.tasks) table.tasks.push_back(task);
  for (const auto& [method, keys] : recipe.methods) table.methods.push_back(method);
  if (!against.empty() && std::ranges::find(table.methods, against) == table.methods.end()) {
    throw UsageError(fmt::format("[table] --against is {}; expected one of the methods {}.",
                                 quote(against), fmt::join(table.methods, ", ")));
  }
  for (const std::string& task : table.tasks) {
    for (const std::string& method : table.methods) {
      table.cells.push_back(collect_cell(recipe, task, method, table));
    }
  }
  return table;
}

std::string score_text(const ScoreCell& cell) {
  std::string means, deviations;
  int64_t undefined = 0;  // in the metric that has most of them
  for (size_t i = 0; i < cell.scores.size(); ++i) {
    undefined = std::max(undefined, cell.undefined[i]);
    if (cell.scores[i].empty())
      return undefined > 0 ? fmt::format("undefined ({})", undefined) : "-";
    const MeanStd score = mean_std(values_of(cell.scores[i]));
    const char* slash = means.empty() ? "" : "/";
    means += slash + score_text(cell.metrics[i], score.mean);
    deviations += slash + score_text(cell.metrics[i], score.std);
  }
  // One run has no deviation.
  if (cell.scores[0].size() > 1) means += " ± " + deviations;
  return fmt::format("{} ({}{})", means, cell.scores[0].size(),
                     undefined > 0 ? fmt::format("; {} undefined", undefined) : "");
}

std::string format_table(const ScoreTable& table, const std::string& format) {
  if (format == "text") return text_table(table);
  if (format == "markdown") return markdown_table(table);
  if (format == "csv") return csv_table(table);
  if (format == "html") return html_table(table);
  throw UsageError(
      fmt::format("[table] --format is \"{}\"; expected text, markdown, csv or html.", format));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
