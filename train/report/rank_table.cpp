#include "train/report/rank_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "models/family.h"
#include "nn/role.h"

namespace soragrad::train {

namespace {

// A column of the table for each Linear of a layer, in the order of the computation.
constexpr std::pair<nn::Role, std::string_view> kRankColumns[] = {
    {nn::Role::query, "query"},         {nn::Role::key, "key"},
    {nn::Role::value, "value"},         {nn::Role::attention_output, "attn.out"},
    {nn::Role::intermediate, "ffn.in"}, {nn::Role::output, "ffn.out"}};

// The column's name for a module's path within its layer; the path itself for other modules.
std::string column_of(const std::map<std::string, nn::Role, std::less<>>& roles,
                      std::string_view within_layer) {
  const auto role = roles.find(within_layer);
  for (const auto& [known, name] : kRankColumns) {
    if (role != roles.end() && role->second == known) return std::string(name);
  }
  return std::string(within_layer);
}

// Columns of known roles come first, others after them.
std::ptrdiff_t order_of(const std::string& column) {
  return std::ranges::find_if(kRankColumns,
                              [&](const auto& known) { return known.second == column; }) -
         std::begin(kRankColumns);
}

// A shade for kept / rank: from a light to a full block.
std::string_view shade(const sora::ModuleRank& rank) {
  constexpr std::string_view kShades[] = {"·", "░", "▒", "▓", "█"};
  if (rank.kept == 0 || rank.rank == 0) return kShades[0];
  return kShades[std::min<int64_t>(4, 1 + 4 * rank.kept / (rank.rank + 1))];
}

}  // namespace

RankGrid rank_grid(std::span<const sora::ModuleRank> ranks) {
  RankGrid grid;
  const auto roles = models::layer_roles();
  std::map<int64_t, std::map<std::string, sora::ModuleRank>> rows;
  for (const sora::ModuleRank& rank : ranks) {
    const auto split = nn::split_layer(rank.module);
    if (!split) {
      grid.others.push_back(rank);
      continue;
    }
    const std::string name = column_of(roles, split->within);
    if (std::ranges::find(grid.modules, name) == grid.modules.end()) grid.modules.push_back(name);
    rows[split->layer][name] = rank;
  }
  std::ranges::stable_sort(grid.modules, {}, order_of);
  for (const auto& [layer, row] : rows) {
    grid.layers.push_back(std::to_string(layer));
    for (const std::string& module : grid.modules) {
      const auto found = row.find(module);
      grid.cells.push_back(found == row.end() ? sora::ModuleRank{} : found->second);
    }
  }
  return grid;
}

std::string rank_table(std::span<const sora::ModuleRank> ranks) {
  const RankGrid grid = rank_grid(ranks);
  std::string text;
  if (!grid.layers.empty()) text += "layer";
  for (const std::string& module : grid.modules) {
    text += fmt::format("  {:>{}}", module, std::max<size_t>(module.size(), 9));
  }
  if (!grid.layers.empty()) text += '\n';
  for (size_t l = 0; l < grid.layers.size(); ++l) {
    text += fmt::format("{:>5}", grid.layers[l]);
    for (size_t m = 0; m < grid.modules.size(); ++m) {
      const sora::ModuleRank& rank = grid.at(l, m);
      const size_t width = std::max<size_t>(grid.modules[m].size(), 9);
      if (rank.rank == 0) {
        text += fmt::format("  {:>{}}", "-", width);
        continue;
      }
      const std::string number = fmt::format("{}/{} ", rank.kept, rank.rank);
      text += fmt::format("  {:>{}}{}", number, width - 1, shade(rank));
    }
    text += '\n';
  }
  for (const sora::ModuleRank& rank : grid.others) {
    text += fmt::format("{} {}/{}\n", rank.module, rank.kept, rank.rank);
  }
  return text;
}

HeatMap rank_map(const RankGrid& grid, const std::string& title) {
  HeatMap map{title, "layer", "module", "none kept", "all kept", grid.layers, grid.modules, {}};
  for (const sora::ModuleRank& rank : grid.cells) {
    const bool there = rank.rank > 0;
    map.cells.push_back(
        {there ? static_cast<double>(rank.kept) / static_cast<double>(rank.rank) : -1,
         fmt::format("{}/{}", rank.kept, rank.rank)});
  }
  return map;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
