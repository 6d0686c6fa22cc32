#include "train/report/rank_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace soragrad::train {

namespace {

// "deberta.encoder.layer.3.attention.self.query_proj" -> 3 and "attention.self.query_proj".
bool split_path(std::string_view path, int& layer, std::string& rest) {
  constexpr std::string_view kLayer = "layer.";
  const size_t at = path.find(kLayer);
  if (at == path.npos) return false;
  path.remove_prefix(at + kLayer.size());
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), layer);
  if (error != std::errc() || end == path.data() + path.size() || *end != '.') return false;
  rest = std::string(end + 1, path.data() + path.size());
  return true;
}

// The six Linears of a layer in the order of the computation, as DeBERTa, and as RoBERTa and BERT
// name them.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"attention.self.query_proj", "query"},
    {"attention.self.query", "query"},
    {"attention.self.key_proj", "key"},
    {"attention.self.key", "key"},
    {"attention.self.value_proj", "value"},
    {"attention.self.value", "value"},
    {"attention.output.dense", "attn.out"},
    {"intermediate.dense", "ffn.in"},
    {"output.dense", "ffn.out"}};

std::string short_name(const std::string& module) {
  for (const auto& [path, name] : kNames) {
    if (path == module) return std::string(name);
  }
  return module;
}

// Where a column stands: the six first, others behind them.
std::ptrdiff_t place_of(const std::string& name) {
  return std::ranges::find_if(kNames, [&](const auto& known) { return known.second == name; }) -
         std::begin(kNames);
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
  std::map<int, std::map<std::string, sora::ModuleRank>> rows;
  for (const sora::ModuleRank& rank : ranks) {
    int layer = 0;
    std::string rest;
    if (!split_path(rank.module, layer, rest)) {
      grid.others.push_back(rank);
      continue;
    }
    const std::string name = short_name(rest);
    if (std::ranges::find(grid.modules, name) == grid.modules.end()) grid.modules.push_back(name);
    rows[layer][name] = rank;
  }
  std::ranges::stable_sort(grid.modules, {}, place_of);
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
