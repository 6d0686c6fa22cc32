// The ranks that training kept, as heat maps: a row for each layer, a column for each module.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sora/method.h"
#include "train/report/chart.h"

namespace soragrad::train {

// The modules of numbered layers in a grid; what stands elsewhere is in `others`.
struct RankGrid {
  std::vector<std::string> layers, modules;  // names of rows and columns
  std::vector<sora::ModuleRank> cells;       // layers x modules; rank 0 where there is none
  std::vector<sora::ModuleRank> others;

  const sora::ModuleRank& at(size_t layer, size_t module) const {
    return cells[layer * modules.size() + module];
  }
};
// Columns have short names: query, key, value, attn.out, ffn.in, ffn.out, or the module's own.
RankGrid rank_grid(std::span<const sora::ModuleRank> ranks);

// As text. Empty where there are no ranks; modules outside numbered layers get a line each.
std::string rank_table(std::span<const sora::ModuleRank> ranks);
// As a picture.
HeatMap rank_map(const RankGrid& grid, const std::string& title);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
