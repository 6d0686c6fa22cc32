#include "train/report/summary.h"

#include <fmt/format.h>

#include <cmath>

#include "train/report/rank_table.h"
#include "train/report/text_table.h"
#include "train/report/threshold_path.h"
#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

std::string percent(double share) {
  return fmt::format("{:.1f}%", 100 * share);
}

std::string metric_text(const json& value) {
  const bool finite = value.is_number() && std::isfinite(value.get<double>());
  return finite ? fmt::format("{:.4f}", value.get<double>()) : "undefined";
}

void append_split(std::string& text, const json& results, const std::string& split) {
  if (!results.contains(split) || results.at(split).is_null()) return;
  for (const auto& [name, value] : results.at(split).items()) {
    const json& baseline = results.at("majority_baseline");
    const bool has_majority = baseline.contains(split) && baseline.at(split).contains(name);
    text += fmt::format("  {:<14} {:<22} {:>8}   majority {:>8}\n", split, name, metric_text(value),
                        has_majority ? metric_text(baseline.at(split).at(name)) : "-");
  }
}

// The rows of a test file by the source that each names, two to a line.
void append_sources(std::string& text, const json& results) {
  if (!results.contains("by_source")) return;
  for (const auto& [split, sources] : results.at("by_source").items()) {
    text += fmt::format("accuracy on {} by source of the rows:\n", split);
    size_t column = 0;
    for (const auto& [source, score] : sources.items()) {
      text +=
          fmt::format("  {:<26} {:>6} of {:>4}{}", source,
                      percent(score.at("accuracy").get<double>()), score.at("rows").get<int64_t>(),
                      column % 2 == 1 || column + 1 == sources.size() ? "\n" : "   ");
      ++column;
    }
  }
}

}  // namespace

std::vector<sora::ModuleRank> ranks_of(const json& list) {
  std::vector<sora::ModuleRank> ranks;
  for (const json& rank : list) {
    ranks.push_back({rank.at("module").get<std::string>(), rank.at("kept").get<int64_t>(),
                     rank.at("rank").get<int64_t>()});
  }
  return ranks;
}

std::string summary_text(const json& results) {
  const double seconds = results.at("seconds").get<double>();
  std::string text =
      fmt::format("{} by {}, seed {}: {} steps in {} ({:.0f} tokens/s)\n",
                  results.at("task").get<std::string>(), results.at("method").get<std::string>(),
                  results.at("seed").get<int64_t>(), results.at("steps").get<int64_t>(),
                  duration_text(seconds), results.at("tokens_per_second").get<double>());
  for (const char* split : {"validation", "validation_mm", "test", "test_mm"}) {
    append_split(text, results, split);
  }
  append_sources(text, results);
  if (const int64_t best = results.at("best_step").get<int64_t>(); best > 0) {
    text += fmt::format("  best step {} by {}\n", best,
                        results.at("metric_for_best_model").get<std::string>());
  }
  const json& parameters = results.at("parameters");
  const auto count = [&](const char* name) { return grouped(parameters.at(name).get<int64_t>()); };
  text += fmt::format("  parameters: {} trainable (head: {}) of {}; stored {}\n",
                      count("trainable"), count("trainable_head"), count("model"), count("stored"));
  text += fmt::format("  by the released code's counter: {} trainable, {} stored\n",
                      count("trainable_released_counter"), count("stored_released_counter"));
  if (results.contains("entries")) {
    text += fmt::format("  sparsity {}: {} of {} are zero\n",
                        percent(results.at("sparsity").get<double>()),
                        results.at("entries").at("zero").get<int64_t>(),
                        results.at("entries").at("total").get<int64_t>());
    if (results.contains("gates")) {
      text += "  " + results.at("gates").at("text").get<std::string>() + "\n";
    }
    const std::string table = rank_table(ranks_of(results.at("ranks")));
    if (!table.empty()) text += "kept rank of each module:\n" + table;
  }
  if (results.contains("phases")) {
    text +=
        path_text(read_path(results.at("phases"), results.at("path_metric").get<std::string>()));
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
