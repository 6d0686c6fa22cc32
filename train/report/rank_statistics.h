// Kept ranks over several runs: which layers and modules keep how much, task by task.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "sora/method.h"
#include "train/report/mean_std.h"

namespace soragrad::train {

struct RankedRun {
  std::string path, task, method;
  int64_t seed = 0;
  std::vector<sora::ModuleRank> ranks;
};

// Groups are tasks, or task and method where methods differ; the last one holds all runs. A run
// counts with the mean kept rank of the layer's, the module's or all Linears.
struct RankStatistics {
  std::vector<std::string> groups, layers, modules;
  std::vector<std::vector<MeanStd>> by_layer;   // layers x groups
  std::vector<std::vector<MeanStd>> by_module;  // modules x groups
  std::vector<MeanStd> overall;                 // groups
  std::vector<std::vector<MeanStd>> cells;      // layers x modules, over all runs
  int64_t largest_rank = 0;                     // before training
};

// Throws where a run has no ranks in numbered layers.
RankStatistics rank_statistics(const std::vector<RankedRun>& runs);

std::string statistics_text(const RankStatistics& statistics);
nlohmann::ordered_json statistics_json(const RankStatistics& statistics);
std::string statistics_html(const RankStatistics& statistics);  // the body of a page

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
