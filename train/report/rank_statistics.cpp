#include "train/report/rank_statistics.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "train/report/chart.h"
#include "train/report/rank_table.h"
#include "train/report/text_table.h"

namespace soragrad::train {

namespace {

using Json = nlohmann::ordered_json;
using Picked = std::function<bool(size_t layer, size_t module)>;

struct GriddedRun {
  std::string group;
  RankGrid grid;
};

template <typename T>
size_t index_of(std::vector<T>& all, const T& item) {
  const auto found = std::ranges::find(all, item);
  if (found != all.end()) return static_cast<size_t>(found - all.begin());
  all.push_back(item);
  return all.size() - 1;
}

// The mean kept rank of a run's picked cells, by the names that the statistics know; NaN of none.
double mean_kept(RankStatistics& names, const RankGrid& grid, const Picked& picked) {
  double sum = 0, count = 0;
  for (size_t l = 0; l < grid.layers.size(); ++l) {
    for (size_t m = 0; m < grid.modules.size(); ++m) {
      const sora::ModuleRank& rank = grid.at(l, m);
      if (rank.rank == 0 || !picked(index_of(names.layers, grid.layers[l]),
                                    index_of(names.modules, grid.modules[m]))) {
        continue;
      }
      sum += static_cast<double>(rank.kept);
      ++count;
    }
  }
  return sum / count;
}

MeanStd over_runs(RankStatistics& names, const std::vector<GriddedRun>& runs,
                  const std::string& group, const Picked& picked) {
  std::vector<double> values;
  for (const GriddedRun& run : runs) {
    if (!group.empty() && run.group != group) continue;
    const double value = mean_kept(names, run.grid, picked);
    if (!std::isnan(value)) values.push_back(value);
  }
  return mean_std(values);
}

std::string text_of(const MeanStd& value) {
  if (value.count == 0) return "-";
  return fmt::format("{:.2f} ± {:.2f}", value.mean, value.std);
}

TextTable table_of(const RankStatistics& s, const char* first,
                   const std::vector<std::string>& names,
                   const std::vector<std::vector<MeanStd>>& values) {
  TextTable table;
  table.header.emplace_back(first);
  for (size_t g = 0; g < s.groups.size(); ++g) {
    table.header.push_back(fmt::format("{} ({})", s.groups[g], s.overall[g].count));
  }
  for (size_t i = 0; i <= names.size(); ++i) {  // the last row: all together
    const bool own = i < names.size();
    std::vector<std::string> row{own ? names[i] : "all"};
    for (const MeanStd& value : own ? values[i] : s.overall) row.push_back(text_of(value));
    table.rows.push_back(row);
  }
  return table;
}

HeatMap map_of(const RankStatistics& s) {
  HeatMap map{"Mean kept rank over all runs", "layer",  "module",  "0",
              std::to_string(s.largest_rank), s.layers, s.modules, {}};
  for (const auto& row : s.cells) {
    for (const MeanStd& value : row) {
      map.cells.push_back({value.count > 0 ? value.mean / static_cast<double>(s.largest_rank) : -1,
                           fmt::format("{:.1f} ± {:.1f}", value.mean, value.std)});
    }
  }
  return map;
}

constexpr const char* kNote =
    "mean ± standard deviation over runs (their number) of the mean kept rank";

}  // namespace

RankStatistics rank_statistics(const std::vector<RankedRun>& runs) {
  RankStatistics s;
  std::vector<std::string> methods;
  for (const RankedRun& run : runs) index_of(methods, run.method);
  std::vector<GriddedRun> gridded;
  for (const RankedRun& run : runs) {
    GriddedRun one{methods.size() > 1 ? run.task + " " + run.method : run.task,
                   rank_grid(run.ranks)};
    require(!one.grid.layers.empty(),
            "[ranks] {} has no ranks: method {} gates nothing in numbered layers.", run.path,
            run.method);
    for (const std::string& layer : one.grid.layers) index_of(s.layers, layer);
    for (const std::string& module : one.grid.modules) index_of(s.modules, module);
    for (const sora::ModuleRank& rank : run.ranks) {
      s.largest_rank = std::max(s.largest_rank, rank.rank);
    }
    index_of(s.groups, one.group);
    gridded.push_back(std::move(one));
  }
  std::vector<std::string> groups = s.groups;
  groups.emplace_back();  // all
  s.groups.emplace_back("all");
  const auto all = [](size_t, size_t) { return true; };
  for (const std::string& group : groups) {
    s.overall.push_back(over_runs(s, gridded, group, all));
  }
  for (size_t i = 0; i < s.layers.size(); ++i) {
    s.by_layer.emplace_back();
    for (const std::string& group : groups) {
      s.by_layer[i].push_back(
          over_runs(s, gridded, group, [i](size_t layer, size_t) { return layer == i; }));
    }
    s.cells.emplace_back();
    for (size_t j = 0; j < s.modules.size(); ++j) {
      s.cells[i].push_back(over_runs(s, gridded, "", [i, j](size_t layer, size_t module) {
        return layer == i && module == j;
      }));
    }
  }
  for (size_t j = 0; j < s.modules.size(); ++j) {
    s.by_module.emplace_back();
    for (const std::string& group : groups) {
      s.by_module[j].push_back(
          over_runs(s, gridded, group, [j](size_t, size_t module) { return module == j; }));
    }
  }
  return s;
}

std::string statistics_text(const RankStatistics& s) {
  return fmt::format("kept rank, {}\n{}\n{}", kNote,
                     to_text(table_of(s, "layer", s.layers, s.by_layer), 1, kScreen),
                     to_text(table_of(s, "module", s.modules, s.by_module), 1, kScreen));
}

std::string statistics_html(const RankStatistics& s) {
  return fmt::format("<h2>Kept rank</h2>\n<p>The {}.</p>\n{}{}{}", kNote, to_svg(map_of(s)),
                     to_html(table_of(s, "layer", s.layers, s.by_layer)),
                     to_html(table_of(s, "module", s.modules, s.by_module)));
}

Json statistics_json(const RankStatistics& s) {
  const auto rows = [&](const char* name, const std::vector<std::string>& names,
                        const std::vector<std::vector<MeanStd>>& values,
                        const std::vector<std::string>& columns) {
    Json list = Json::array();
    for (size_t i = 0; i < names.size(); ++i) {
      Json row{{name, names[i]}};
      for (size_t c = 0; c < columns.size(); ++c) {
        const MeanStd& value = values[i][c];
        if (value.count == 0) continue;
        row[columns[c]] = {{"mean", value.mean}, {"std", value.std}, {"runs", value.count}};
      }
      list.push_back(row);
    }
    return list;
  };
  return {{"groups", s.groups},
          {"by_layer", rows("layer", s.layers, s.by_layer, s.groups)},
          {"by_module", rows("module", s.modules, s.by_module, s.groups)},
          {"overall", rows("of", {"all"}, {s.overall}, s.groups)[0]},
          {"cells", rows("layer", s.layers, s.cells, s.modules)}};
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
