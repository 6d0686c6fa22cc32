#include "cli/inspect_runs.h"

#include <fmt/format.h>

#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "train/report/cost_table.h"
#include "train/report/page.h"
#include "train/report/rank_statistics.h"
#include "train/report/summary.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectedRuns {
  std::vector<train::FinishedRun> finished;
  std::vector<train::RankedRun> ranked;
  Json list = Json::array();
};

InspectedRuns read_runs(const std::vector<std::string>& paths) {
  InspectedRuns runs;
  for (const std::string& path : paths) {
    const bool is_run = train::RunFolder::is_run(path);
    const Json object = is_run ? inspect_path(path) : Json();
    require(is_run && object["kind"] == "run",
            "[inspect] {} is no run; several paths must all be runs.", path);
    const std::string task = object["task"], method = object["method"];
    runs.list.push_back({{"path", path},
                         {"task", task},
                         {"method", method},
                         {"seed", object["seed"]},
                         {"complete", object["complete"]}});
    if (!object.contains("results")) continue;
    const nlohmann::json results = object["results"];
    runs.finished.push_back({task, method, results});
    if (results.value("entries", nlohmann::json()).is_null()) continue;
    runs.ranked.push_back(
        {path, task, method, object["seed"], train::ranks_of(results.at("ranks"))});
  }
  return runs;
}

// The table as a list of objects, under its header's names.
Json rows_of(const train::TextTable& table) {
  Json rows = Json::array();
  for (const auto& row : table.rows) {
    Json object;
    for (size_t c = 0; c < row.size(); ++c) object[table.header[c]] = row[c];
    rows.push_back(object);
  }
  return rows;
}

}  // namespace

int inspect_runs(const InspectOptions& options) {
  const InspectedRuns runs = read_runs(options.paths);
  require(!runs.finished.empty(), "[inspect] none of these {} runs is complete.",
          options.paths.size());
  const train::TextTable costs = train::cost_table(runs.finished);
  std::string text = train::to_text(costs, 2);
  std::string body = "<h2>Costs</h2>\n" + train::to_html(costs, 2);
  Json json{{"kind", "runs"}, {"runs", runs.list}, {"costs", rows_of(costs)}};
  if (!runs.ranked.empty()) {
    const train::RankStatistics statistics = train::rank_statistics(runs.ranked);
    text += "\n" + train::statistics_text(statistics);
    body += train::statistics_html(statistics);
    json["ranks"] = train::statistics_json(statistics);
  }
  if (!options.html.empty()) {
    write_file_atomically(options.html,
                          train::html_page(fmt::format("{} runs", options.paths.size()), body));
  }
  write_output(options.json ? json_text(json, 1) + "\n" : text);
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
