#include "train/score_table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "data/glue_task.h"
#include "nn/json_file.h"
#include "train/printed_results.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

// A metric that the table shows: its split's ending and its name.
struct Shown {
  std::string ending, metric;
};

// MRPC shows accuracy and STS-B Pearson; QQP, and MNLI with its mismatched half, show two numbers.
std::vector<Shown> shown_metrics(const std::string& task) {
  if (task == "mnli") return {{"", "accuracy"}, {"_mm", "accuracy"}};
  if (task == "qqp") return {{"", "accuracy"}, {"", "f1"}};
  if (task == "mrpc") return {{"", "accuracy"}};
  return {{"", std::string(data::find_glue_task(task).metrics.front())}};
}

long rank_of(const sora::MethodConfig& method) {
  if (method.method == "adalora") return method.target_r;
  if (method.method == "houlsby" || method.method == "pfeiffer") return method.bottleneck;
  return method.r;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  const double center = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - center) * (value - center);
  return values.size() > 1 ? std::sqrt(sum / static_cast<double>(values.size() - 1)) : 0;
}

ScoreCell collect_cell(const Recipe& recipe, const std::string& task, const std::string& method,
                       ScoreTable& table) {
  const std::vector<Shown> shown = shown_metrics(task);
  ScoreCell cell{task, method, {}, {}, static_cast<int64_t>(recipe.seeds.size()), {}};
  for (const Shown& one : shown) cell.metrics.push_back(one.metric + one.ending);
  cell.scores.resize(shown.size());
  for (const int64_t seed : recipe.seeds) {
    const GridRun run{task, method, seed,
                      fmt::format("{}/{}-{}-{}", recipe.output, task, method, seed)};
    const Config config = config_of(recipe, run);
    table.split = config.protocol == "paper" ? "test" : "validation";
    table.source = printed_source(config.protocol);
    cell.printed =
        printed_score(task, config.method.method, rank_of(config.method), config.protocol);
    const std::string path = run.folder + "/results.json";
    if (!std::filesystem::exists(path)) continue;
    const json results = nn::read_json_object(path);
    for (size_t i = 0; i < shown.size(); ++i) {
      const auto split = results.find(table.split + shown[i].ending);
      if (split == results.end() || !split->is_object()) continue;
      const auto value = split->find(shown[i].metric);
      if (value == split->end() || !value->is_number()) continue;
      cell.scores[i].push_back(100 * value->get<double>());
    }
  }
  return cell;
}

const ScoreCell& cell_of(const ScoreTable& table, size_t task, size_t method) {
  return table.cells[task * table.methods.size() + method];
}

// Rows: a method's own scores, then the printed ones.
std::vector<std::vector<std::string>> rows_of(const ScoreTable& table) {
  std::vector<std::vector<std::string>> rows;
  for (size_t m = 0; m < table.methods.size(); ++m) {
    std::vector<std::string> own{table.methods[m]}, printed{table.methods[m] + " (printed)"};
    for (size_t t = 0; t < table.tasks.size(); ++t) {
      own.push_back(score_text(cell_of(table, t, m)));
      printed.push_back(cell_of(table, t, m).printed);
    }
    rows.push_back(own);
    rows.push_back(printed);
  }
  return rows;
}

std::vector<std::string> header_of(const ScoreTable& table) {
  std::vector<std::string> header{"method"};
  for (size_t t = 0; t < table.tasks.size(); ++t) {
    std::string name = table.tasks[t];
    for (const std::string& metric : cell_of(table, t, 0).metrics) {
      name += (name == table.tasks[t] ? " " : "/") + metric;
    }
    header.push_back(name);
  }
  return header;
}

std::string caption(const ScoreTable& table) {
  return fmt::format(
      "{} split, mean and standard deviation over seeds (their number). Printed: {}.", table.split,
      table.source);
}

// Characters, not bytes: "±" is one.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string text_table(const ScoreTable& table, bool markdown) {
  auto rows = rows_of(table);
  rows.insert(rows.begin(), header_of(table));
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < widths.size(); ++c) {
      text += markdown ? (c == 0 ? "| " : " | ") : (c == 0 ? "" : "  ");
      text += rows[r][c] + std::string(widths[c] - width_of(rows[r][c]), ' ');
    }
    text += markdown ? " |\n" : "\n";
    if (markdown && r == 0) {
      for (size_t c = 0; c < widths.size(); ++c) text += "| --- ";
      text += "|\n";
    }
  }
  return text + "\n" + caption(table) + "\n";
}

std::string csv_table(const ScoreTable& table) {
  std::string text = "task,method,split,metric,mean,std,seeds,printed\n";
  for (const ScoreCell& cell : table.cells) {
    for (size_t i = 0; i < cell.metrics.size(); ++i) {
      const std::vector<double>& scores = cell.scores[i];
      const std::string numbers = scores.empty() ? ",,0"
                                                 : fmt::format("{:.4f},{:.4f},{}", mean(scores),
                                                               deviation(scores), scores.size());
      text += fmt::format("{},{},{},{},{},{}\n", cell.task, cell.method, table.split,
                          cell.metrics[i], numbers, cell.printed);
    }
  }
  return text;
}

std::string html_table(const ScoreTable& table) {
  std::string text =
      "<!doctype html>\n<meta charset=\"utf-8\">\n<title>soragrad</title>\n<table>\n";
  text += fmt::format("<caption>{}</caption>\n<tr>", caption(table));
  for (const std::string& name : header_of(table)) text += fmt::format("<th>{}</th>", name);
  text += "</tr>\n";
  for (const auto& row : rows_of(table)) {
    text += "<tr>";
    for (const std::string& value : row) text += fmt::format("<td>{}</td>", value);
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

}  // namespace

ScoreTable collect_scores(const Recipe& recipe) {
  ScoreTable table;
  for (const auto& [task, keys] : recipe.tasks) table.tasks.push_back(task);
  for (const auto& [method, keys] : recipe.methods) table.methods.push_back(method);
  for (const std::string& task : table.tasks) {
    for (const std::string& method : table.methods) {
      table.cells.push_back(collect_cell(recipe, task, method, table));
    }
  }
  return table;
}

std::string score_text(const ScoreCell& cell) {
  std::string means, deviations;
  for (const std::vector<double>& scores : cell.scores) {
    if (scores.empty()) return "-";
    means += fmt::format("{}{:.2f}", means.empty() ? "" : "/", mean(scores));
    deviations += fmt::format("{}{:.2f}", deviations.empty() ? "" : "/", deviation(scores));
  }
  return fmt::format("{} ± {} ({})", means, deviations, cell.scores[0].size());
}

std::string format_table(const ScoreTable& table, const std::string& format) {
  if (format == "text") return text_table(table, false);
  if (format == "markdown") return text_table(table, true);
  if (format == "csv") return csv_table(table);
  if (format == "html") return html_table(table);
  throw UsageError(
      fmt::format("[table] --format is \"{}\"; expected text, markdown, csv or html.", format));
}

}  // namespace soragrad::train
