#include "data/custom/split.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace soragrad::data {
namespace {

// 200 rows of four classes: 100, 60, 39 and 1.
std::vector<int32_t> classes() {
  std::vector<int32_t> rows(200);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = i < 100 ? 0 : i < 160 ? 1 : i < 199 ? 2 : 3;
  return rows;
}

std::map<int32_t, int> counts(const std::vector<int64_t>& rows) {
  std::map<int32_t, int> result;
  for (const int64_t row : rows) ++result[classes()[static_cast<size_t>(row)]];
  return result;
}

}  // namespace

TEST_CASE("stratified split: each class within one row of its share, none whole") {
  for (const double share : {0.05, 0.1, 0.33, 0.5, 0.9}) {
    const auto rows = stratified_split(classes(), share, 42);
    CHECK(std::is_sorted(rows.begin(), rows.end()));
    CHECK(std::set<int64_t>(rows.begin(), rows.end()).size() == rows.size());
    const std::map<int32_t, int> of = counts(rows);
    const int sizes[] = {100, 60, 39, 1};
    for (int c = 0; c < 4; ++c) {
      const double found = of.contains(c) ? of.at(c) : 0;
      CHECK(std::abs(found - share * sizes[c]) <= 1);
      CHECK(found < sizes[c]);
    }
    CHECK(rows == stratified_split(classes(), share, 42));
    CHECK(rows != stratified_split(classes(), share, 43));
  }
}

TEST_CASE("stratified folds: every row once, sizes within one row") {
  std::set<int64_t> all;
  for (int64_t fold = 0; fold < 7; ++fold) {
    const auto rows = stratified_fold(classes(), 7, fold, 42);
    CHECK((rows.size() == 28 || rows.size() == 29));
    for (const int64_t row : rows) CHECK(all.insert(row).second);
    CHECK(std::abs(counts(rows)[0] - 100.0 / 7) < 1);
    CHECK(std::abs(counts(rows)[1] - 60.0 / 7) < 1);
  }
  CHECK(all.size() == 200);
}

TEST_CASE("stratified split: classes of one row each leave one for validation") {
  CHECK(stratified_split(std::vector<int32_t>{5, 6, 7}, 0.1, 1).size() == 1);
  CHECK_THROWS_AS(stratified_split(std::vector<int32_t>{5}, 0.1, 1), Error);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
