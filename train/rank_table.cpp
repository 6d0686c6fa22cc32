#include "train/rank_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <vector>

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
  constexpr std::string_view kSelf = "attention.self.";
  if (rest.starts_with(kSelf)) rest.erase(0, kSelf.size());
  return true;
}

// A shade for kept / rank: from a light to a full block.
std::string_view shade(const sora::ModuleRank& rank) {
  constexpr std::string_view kShades[] = {"·", "░", "▒", "▓", "█"};
  if (rank.kept == 0 || rank.rank == 0) return kShades[0];
  return kShades[std::min<int64_t>(4, 1 + 4 * rank.kept / (rank.rank + 1))];
}

}  // namespace

std::string rank_table(std::span<const sora::ModuleRank> ranks) {
  std::vector<std::string> columns;
  std::map<int, std::map<std::string, sora::ModuleRank>> rows;
  std::string others;
  for (const sora::ModuleRank& rank : ranks) {
    int layer = 0;
    std::string rest;
    if (!split_path(rank.module, layer, rest)) {
      others += fmt::format("{} {}/{}\n", rank.module, rank.kept, rank.rank);
      continue;
    }
    if (std::ranges::find(columns, rest) == columns.end()) columns.push_back(rest);
    rows[layer][rest] = rank;
  }
  if (rows.empty()) return others;
  std::string text = "layer";
  for (const std::string& column : columns) {
    text += fmt::format("  {:>{}}", column, std::max<size_t>(column.size(), 8));
  }
  text += '\n';
  for (const auto& [layer, row] : rows) {
    text += fmt::format("{:>5}", layer);
    for (const std::string& column : columns) {
      const size_t width = std::max<size_t>(column.size(), 8);
      const auto found = row.find(column);
      if (found == row.end()) {
        text += fmt::format("  {:>{}}", "-", width);
        continue;
      }
      const sora::ModuleRank& rank = found->second;
      const std::string number = fmt::format("{}/{} ", rank.kept, rank.rank);
      text += fmt::format("  {:>{}}{}", number, width - 1, shade(rank));
    }
    text += '\n';
  }
  return text + others;
}

}  // namespace soragrad::train
