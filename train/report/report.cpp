#include "train/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "train/report/report_sections.h"
#include "train/report/text_table.h"
#include "train/run/number_text.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

constexpr size_t kHeadingKeys = 3;   // that differ, in the heading
constexpr size_t kDifferences = 12;  // in the table of differences

struct Section {
  const char* id;
  const char* title;
  std::string (*make)(const Runs& runs);
};

constexpr Section kSections[] = {{"results", "Results", results_section},
                                 {"curves", "Learning curves", curves_section},
                                 {"gates", "Gates and ranks", gates_section},
                                 {"path", "Path of thresholds", path_section},
                                 {"classes", "Right and wrong", classes_section},
                                 {"rows", "Rows that were most wrong", wrong_rows_section},
                                 {"parameters", "Parameters", parameters_section},
                                 {"costs", "Time and memory", costs_section},
                                 {"data", "Data", data_section},
                                 {"settings", "Settings", settings_section}};

std::string run_title(const RunRecord& run) {
  if (run.config.verb == Verb::pretrain) {
    return fmt::format("Pre-training {}, seed {}", run.name, run.config.seed);
  }
  return fmt::format("{} by {}, seed {}", run.config.task, run.config.method.method,
                     run.config.seed);
}

std::string tile(const std::string& value, const std::string& name, const std::string& key = "") {
  const std::string attribute =
      key.empty() ? "" : fmt::format(" data-key=\"0/{}\"", html_escaped(key));
  return fmt::format("<div class=\"tile\"><b{}>{}</b><span>{}</span></div>\n", attribute,
                     html_escaped(value), html_escaped(name));
}

// The numbers that a reader looks for first.
std::string tiles(const RunRecord& run) {
  const json& results = run.results;
  std::string text = "<div class=\"tiles\">\n";
  if (const auto split = results.find("validation"); split != results.end() && split->is_object()) {
    const std::string best = results.value("metric_for_best_model", "");
    for (const auto& [metric, value] : split->items()) {
      if (metric != best && split->contains(best)) continue;
      text += tile(score_text(value), "validation " + metric, "validation/" + metric);
      break;
    }
  }
  if (results.value("best_step", int64_t{0}) > 0) {
    text += tile(grouped(results["best_step"].get<int64_t>()),
                 fmt::format("best of {} steps", grouped(results.value("steps", int64_t{0}))),
                 "best_step");
  }
  if (results.contains("entries")) {
    text += tile(fmt::format("{:.1f}%", 100 * results.value("sparsity", 0.0)), "gates at zero");
  }
  constexpr std::pair<const char*, const char*> kSizes[] = {
      {"stored", "stored parameters without the head"},
      {"model", "parameters of the model"}};  // the second of pre-training
  for (const auto& [field, name] : kSizes) {
    const std::string path = fmt::format("parameters/{}", field);
    const json::json_pointer at("/" + path);
    if (!results.contains(at)) continue;
    text += tile(grouped(results.at(at).get<int64_t>()), name, path);
    break;
  }
  if (results.contains("seconds")) {
    text += tile(duration_text(results["seconds"].get<double>()), "in steps and evaluations");
  }
  if (results.contains("tokens_per_second")) {
    text +=
        tile(fmt::format("{:.0f}", results["tokens_per_second"].get<double>()), "tokens a second");
  }
  if (results.contains("peak_rss_bytes")) {
    text += tile(bytes_text(results["peak_rss_bytes"].get<double>()), "peak memory");
  }
  return text + "</div>\n";
}

std::string progress_text(const RunRecord& run) {
  if (run.is_finished()) return "";
  const bool is_busy = RunFolder::is_busy(run.path);
  return fmt::format("<p class=\"warning\">{} is not finished{}: its last logged step is {}.</p>\n",
                     html_escaped(run.name), is_busy ? " and goes on" : "", run.last_step());
}

std::string notes_of(const Runs& runs) {
  std::string text;
  for (const RunRecord& run : runs) {
    text += progress_text(run);
    for (const std::string& note : run.notes) {
      text += fmt::format("<p class=\"warning\">{}{}</p>\n",
                          runs.size() > 1 ? html_escaped(run.name) + ": " : "", html_escaped(note));
    }
  }
  return text;
}

// The first keys in which the runs differ, and their values.
std::string differences(const Runs& runs, const std::vector<std::string>& names) {
  RunTable table(runs, "key");
  for (size_t i = 0; i < std::min(names.size(), kDifferences); ++i) {
    table.row(names[i], "", [&](const RunRecord& run) { return run.value_of(names[i]); });
  }
  std::string text = table.html();
  if (text.empty()) return "<p>These runs have the same keys.</p>\n";
  if (names.size() > kDifferences) {
    text +=
        fmt::format("<p class=\"note\">{} more keys differ.</p>\n", names.size() - kDifferences);
  }
  return text;
}

std::string several_title(const Runs& runs, const std::vector<std::string>& names) {
  std::string title = fmt::format("{} runs", runs.size());
  std::string by;
  for (const std::string& name : names) {
    if (keeps_meaning(name) && !by.empty()) break;
    if (&name - names.data() >= static_cast<std::ptrdiff_t>(kHeadingKeys)) break;
    by += (by.empty() ? "" : ", ") + name;
  }
  return by.empty() ? title : title + " by " + by;
}

}  // namespace

std::string report_html(const Runs& runs) {
  require(!runs.empty(), "[report] there are no runs.");
  std::string title = run_title(runs[0]), head;
  if (runs.size() == 1) {
    head = fmt::format("<p class=\"about\">{}</p>\n",
                       html_escaped(absolute_path(runs[0].path).string())) +
           notes_of(runs);
    if (runs[0].is_finished()) head += tiles(runs[0]);
  } else {
    const std::vector<std::string> names = differing_keys(runs);
    title = several_title(runs, names);
    head = notes_of(runs) + differences(runs, names);
  }
  std::string navigation, body;
  for (const Section& section : kSections) {
    const std::string text = section.make(runs);
    if (text.empty()) continue;
    navigation += fmt::format("<a href=\"#{}\">{}</a>\n", section.id, section.title);
    body += fmt::format("<section>\n<h2 id=\"{}\">{}</h2>\n{}</section>\n", section.id,
                        section.title, text);
  }
  return html_page(title, fmt::format("{}<nav>\n{}</nav>\n{}", head, navigation, body));
}

void write_report(const std::string& folder) {
  write_file_atomically(RunFolder::open(folder, /*lock=*/false).file("report.html"),
                        report_html(read_runs({folder})));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
