#include "data/custom/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"
#include "data/permutation.h"

namespace soragrad::data {
namespace {

// Rows of each stratum, in the order of one permutation of all rows.
std::map<int32_t, std::vector<int64_t>> drawn_strata(std::span<const int32_t> strata,
                                                     uint64_t seed) {
  std::map<int32_t, std::vector<int64_t>> rows;
  for (const int64_t row :
       numpy_permutation(static_cast<int64_t>(strata.size()), static_cast<uint32_t>(seed))) {
    rows[strata[static_cast<size_t>(row)]].push_back(row);
  }
  return rows;
}

}  // namespace

std::vector<int64_t> stratified_split(std::span<const int32_t> strata, double share,
                                      uint64_t seed) {
  require(strata.size() >= 2, "[validation_split] {} row cannot be split; give a validation_file.",
          strata.size());
  struct Stratum {
    const std::vector<int64_t>* rows;
    int64_t taken;
    double rest;  // share of a row that rounding down left out
  };
  const auto drawn = drawn_strata(strata, seed);
  const double exact = share * static_cast<double>(strata.size());
  int64_t left = std::max<int64_t>(1, std::llround(exact));
  std::vector<Stratum> parts;
  for (const auto& [key, rows] : drawn) {
    const double quota = share * static_cast<double>(rows.size());
    const auto taken = static_cast<int64_t>(std::floor(quota));
    parts.push_back({&rows, taken, quota - std::floor(quota)});
    left -= taken;
  }
  // Largest remainders first; a class keeps a row in train.
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parts[a].rest > parts[b].rest; });
  for (const size_t i : order) {
    if (left <= 0) break;
    if (parts[i].taken + 1 >= std::ssize(*parts[i].rows)) continue;
    ++parts[i].taken;
    --left;
  }
  std::vector<int64_t> rows;
  for (const Stratum& part : parts) {
    rows.insert(rows.end(), part.rows->begin(), part.rows->begin() + part.taken);
  }
  // Classes of one row each: the first drawn row validates.
  if (rows.empty()) rows.push_back(parts[0].rows->front());
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::vector<int64_t> stratified_fold(std::span<const int32_t> strata, int64_t folds, int64_t fold,
                                     uint64_t seed) {
  require(folds >= 2 && fold >= 0 && fold < folds,
          "[k_folds] fold {} of {}; folds count from 0, and there are 2 at least.", fold, folds);
  require(static_cast<int64_t>(strata.size()) >= folds,
          "[k_folds] {} folds of {} rows; a fold needs a row, so lower k_folds.", folds,
          strata.size());
  std::vector<int64_t> rows;
  int64_t next = 0;  // goes on from class to class, which keeps the folds' sizes equal
  for (const auto& [key, drawn] : drawn_strata(strata, seed)) {
    for (const int64_t row : drawn) {
      if (next++ % folds == fold) rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
