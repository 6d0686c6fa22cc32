// The tables of a report: metrics, parameters, costs, data and settings.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/json.h"
#include "train/report/report_sections.h"
#include "train/report/text_table.h"
#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

constexpr size_t kListedLabels = 40;

// The number at a path of results.json, "parameters/stored"; null if there is none.
json number_at(const RunRecord& run, const std::string& path) {
  if (!run.is_finished()) return nullptr;
  const json::json_pointer at("/" + path);
  return run.results.contains(at) ? run.results.at(at) : json();
}

std::string count_text(const json& value) {
  return value.is_number() ? grouped(value.get<int64_t>()) : "";
}

// "validation/accuracy" of all runs, in the order of their evaluations.
std::vector<std::string> metric_paths(const Runs& runs) {
  std::vector<std::string> paths;
  for (const RunRecord& run : runs) {
    if (!run.is_finished()) continue;
    for (const char* split : {"validation", "validation_mm", "test", "test_mm"}) {
      const auto found = run.results.find(split);
      if (found == run.results.end() || !found->is_object()) continue;
      for (const auto& [metric, value] : found->items()) {
        const std::string path = fmt::format("{}/{}", split, metric);
        if (std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
      }
    }
  }
  return paths;
}

std::string readable(std::string path) {
  std::ranges::replace(path, '/', ' ');
  return path;
}

std::string path_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The labels of all splits of a run, a row each, with their shares.
std::string label_table(const json& data, const std::vector<std::string>& splits) {
  std::vector<std::string> header{"label"}, names;
  for (const std::string& split : splits) {
    if (!data[split].contains("labels")) return "";
    header.push_back(split);
    if (names.size() >= kListedLabels) continue;
    for (const json& label : data[split]["labels"]) {
      const auto name = label.at(0).get<std::string>();
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  const size_t all = names.size();
  names.resize(std::min(all, kListedLabels));
  HtmlTable table(header);
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<HtmlCell> cells{{names[i], "", false}};
    for (const std::string& split : splits) {
      int64_t count = 0;
      for (const json& label : data[split]["labels"]) {
        if (label.at(0) == names[i]) count = label.at(1).get<int64_t>();
      }
      const auto rows = std::max<double>(data[split].at("rows").get<double>(), 1);
      cells.push_back(
          {fmt::format("{} ({:.1f}%)", grouped(count), 100 * static_cast<double>(count) / rows), "",
           false});
    }
    table.row(cells);
  }
  const std::string note =
      all > names.size()
          ? fmt::format("<p class=\"note\">The first {} of {} labels.</p>\n", names.size(), all)
          : "";
  return table.html() + note;
}

std::string file_table(const json& data, const std::vector<std::string>& splits,
                       const std::string& key) {
  HtmlTable table({"split", "rows", "left out", "tokens", "tokens a row", "rows cut or full"});
  HtmlTable files({"split", "file", "SHA-256"}, 3);
  for (const std::string& split : splits) {
    const json& facts = data[split];
    const auto rows = facts.at("rows").get<int64_t>(), tokens = facts.at("tokens").get<int64_t>();
    table.row({{split, "", false},
               {grouped(rows), fmt::format("{}/data/{}/rows", key, split), false},
               {count_text(facts.at("dropped")), "", false},
               {grouped(tokens), "", false},
               {fmt::format("{:.1f}", static_cast<double>(tokens) /
                                          static_cast<double>(std::max<int64_t>(rows, 1))),
                "", false},
               {count_text(facts.at("full_rows")), "", false}});
    if (facts.at("file").get<std::string>().empty()) continue;  // own data: see split.json
    const json& hash = facts.at("sha256");
    files.row({{split, "", false},
               {facts.at("file").get<std::string>(), "", true},
               {hash.is_string() ? hash.get<std::string>() : "-", "", true}});
  }
  return table.html() + (files.is_empty() ? "" : files.html());
}

std::string split_text(const RunRecord& run) {
  if (run.split.empty()) {
    return fmt::format("<p>Splits of protocol {}.</p>\n", html_escaped(run.config.protocol));
  }
  const json split = parse_json_object(run.split, "split.json");
  const std::string kind = split.value("split", "");
  std::string text = "The validation rows are a file of their own.";
  if (kind == "validation_split") {
    text = fmt::format(
        "A share of {:g} of the train rows validates. It is drawn with split_seed {} so that both "
        "parts have the same mix of labels.",
        split.value("validation_split", 0.0), split.value("split_seed", int64_t{0}));
  } else if (kind == "k_folds") {
    text = fmt::format(
        "Fold {} of {} validates. Folds are drawn with split_seed {} so that all have the same mix "
        "of "
        "labels.",
        split.value("fold", int64_t{0}), split.value("k_folds", int64_t{0}),
        split.value("split_seed", int64_t{0}));
  }
  std::string files;
  for (const char* part : {"train", "validation", "test"}) {
    if (!split.contains(part)) continue;
    for (const json& file : split[part]) {
      files += fmt::format("{}  {}  {}\n", part, file.value("sha256", ""), file.value("path", ""));
    }
  }
  return fmt::format("<p>{} split.json has the numbers of these rows.</p>\n<pre>{}</pre>\n", text,
                     html_escaped(files));
}

std::string changed_keys(const RunRecord& run) {
  if (run.changes.empty()) return "";
  HtmlTable table({"from step", "key", "before", "now"}, 4);
  for (const ChangedKey& change : run.changes) {
    table.row({{std::to_string(change.step), "", false},
               {change.key, "", false},
               {change.before, "", true},
               {change.now, "", true}});
  }
  return "<p class=\"warning\">Keys changed while the run went on; the command below has the last "
         "values.</p>\n" +
         table.html();
}

}  // namespace

std::string run_heading(const Runs& runs, const RunRecord& run) {
  return runs.size() > 1 ? "<h3>" + html_escaped(run.name) + "</h3>\n" : "";
}

std::string score_text(const json& value) {
  const bool is_finite = value.is_number() && std::isfinite(value.get<double>());
  return is_finite ? fmt::format("{:.4f}", value.get<double>()) : "undefined";
}

std::string bytes_text(double bytes) {
  constexpr double kKiB = 1024;
  if (bytes < kKiB * kKiB) return fmt::format("{:.1f} KiB", bytes / kKiB);
  if (bytes < kKiB * kKiB * kKiB) return fmt::format("{:.1f} MiB", bytes / kKiB / kKiB);
  return fmt::format("{:.2f} GiB", bytes / kKiB / kKiB / kKiB);
}

RunTable::RunTable(const Runs& runs, std::string first)
    : runs_(runs), table_([&] {
        if (runs.size() == 1) return std::vector<std::string>{};  // a header would be empty
        std::vector<std::string> header{std::move(first)};
        for (const RunRecord& run : runs) header.push_back(runs.size() > 1 ? run.name : "");
        return header;
      }()) {}

std::string results_section(const Runs& runs) {
  RunTable table(runs, "");
  for (const std::string& path : metric_paths(runs)) {
    table.row(readable(path), path, [&](const RunRecord& run) -> std::string {
      const std::string split = path.substr(0, path.find('/'));
      if (!run.is_finished() || !run.results.contains(split) ||
          !run.results[split].contains(path_name(path))) {
        return "";
      }
      return score_text(number_at(run, path));
    });
    table.row("  one answer for all: most frequent, or mean", "majority_baseline/" + path,
              [&](const RunRecord& run) -> std::string {
                const json value = number_at(run, "majority_baseline/" + path);
                return value.is_number() ? score_text(value) : "";
              });
  }
  table.row("best step", "best_step", [](const RunRecord& run) {
    const json step = number_at(run, "best_step");
    return step.is_number() && step > 0 ? grouped(step.get<int64_t>()) : "";
  });
  table.row("steps", "steps",
            [](const RunRecord& run) { return count_text(number_at(run, "steps")); });
  return table.html();
}

std::string parameters_section(const Runs& runs) {
  RunTable table(runs, "");
  constexpr std::pair<const char*, const char*> kCounts[] = {
      {"parameters of the model", "model"},
      {"trained, with the head", "trainable"},
      {"  of them the head", "trainable_head"},
      {"stored without the head: zero gates dropped", "stored"},
      {"trained, by the released code's counter", "trainable_released_counter"},
      {"stored, by the released code's counter", "stored_released_counter"}};
  for (const auto& [name, field] : kCounts) {
    const std::string path = fmt::format("parameters/{}", field);
    table.row(name, path, [&](const RunRecord& run) { return count_text(number_at(run, path)); });
  }
  table.row("gates at zero", "entries/zero",
            [](const RunRecord& run) { return count_text(number_at(run, "entries/zero")); });
  table.row("gates", "entries/total",
            [](const RunRecord& run) { return count_text(number_at(run, "entries/total")); });
  return table.html();
}

std::string costs_section(const Runs& runs) {
  RunTable table(runs, "");
  const auto seconds = [&](const char* name, const char* field) {
    table.row(name, field, [&](const RunRecord& run) -> std::string {
      const json value = number_at(run, field);
      return value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : "";
    });
  };
  const auto memory = [&](const char* name, const char* field) {
    table.row(name, field, [&](const RunRecord& run) -> std::string {
      const json value = number_at(run, field);
      return value.is_number() ? bytes_text(value.get<double>()) : "";
    });
  };
  const auto word = [&](const char* name, const char* field) {
    table.row(name, field, [&](const RunRecord& run) -> std::string {
      const json value = number_at(run, field);
      if (value.is_string()) return value.get<std::string>();
      return value.is_number_integer() ? std::to_string(value.get<int64_t>()) : "";
    });
  };
  seconds("seconds in steps and evaluations", "seconds");
  seconds("seconds a step", "seconds_per_step");
  seconds("seconds from the start to the end of step 1", "first_step_seconds");
  table.row("tokens", "tokens",
            [](const RunRecord& run) { return count_text(number_at(run, "tokens")); });
  seconds("tokens a second", "tokens_per_second");
  memory("peak memory", "peak_rss_bytes");
  memory("peak memory of the GPU", "peak_gpu_bytes");
  word("device", "device");
  word("precision", "precision");
  word("threads", "threads");
  word("version", "version");
  word("commit", "commit");
  return table.html();
}

std::string data_section(const Runs& runs) {
  std::string text, before;
  for (size_t r = 0; r < runs.size(); ++r) {
    const RunRecord& run = runs[r];
    if (!run.is_finished() || !run.results.contains("data")) continue;
    const json& data = run.results["data"];
    const std::string own = json_text(data) + run.split;
    text += run_heading(runs, run);
    if (own == before) {
      text += "<p>The same as of the run above.</p>\n";
      continue;
    }
    before = own;
    std::vector<std::string> splits;
    for (const char* split : {"train", "validation", "validation_mm", "test", "test_mm"}) {
      if (data.contains(split)) splits.emplace_back(split);
    }
    text += file_table(data, splits, std::to_string(r)) + label_table(data, splits);
    text += split_text(run);
  }
  return text;
}

std::string settings_section(const Runs& runs) {
  std::string text;
  for (const RunRecord& run : runs) {
    text += run_heading(runs, run);
    HtmlTable chosen({"key", "value", "default"}, 3);
    for (const ChosenKey& key : chosen_keys(run)) {
      const bool is_default = key.value == key.usual;
      chosen.row(
          {{key.name, "", false}, {key.value, "", true}, {is_default ? "" : key.usual, "", true}});
    }
    HtmlTable all({"key", "value"}, 2);
    for (const Key& key : keys(run.config.verb)) {
      all.row({{std::string(key.name), "", false}, {run.value_of(key.name), "", true}});
    }
    text += runs.size() > 1 ? html_details("Keys that are not at their defaults", chosen.html())
                            : chosen.html();
    text += html_details("All keys", all.html()) + changed_keys(run);
    text += fmt::format("<p>This command repeats the run:</p>\n<pre>{}</pre>\n",
                        html_escaped(repeat_command(run)));
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
