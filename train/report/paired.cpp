#include "train/report/paired.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "train/report/mean_std.h"

namespace soragrad::train {

namespace {

constexpr double kRounding = 1e-9;  // deviations below this share of the differences are none

}  // namespace

std::vector<double> values_of(const std::vector<RunScore>& scores) {
  std::vector<double> values;
  for (const RunScore& score : scores) values.push_back(score.value);
  return values;
}

double student_p(double t, int64_t freedom) {
  const double angle = std::atan(std::abs(t) / std::sqrt(static_cast<double>(freedom)));
  const double cosine = std::cos(angle), square = cosine * cosine;
  // A sum of freedom / 2 terms that begins with cos for odd degrees, with 1 for even ones; each
  // term is the one before times square and (k - 1) / k.
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1, sum = 0;
  for (int64_t k = odd ? 3 : 2; k <= freedom; k += 2) {
    sum += term;
    term *= square * static_cast<double>(k - 1) / static_cast<double>(k);
  }
  const double within = std::sin(angle) * sum;  // of |T| < |t|, if the degrees are even
  return std::max(0.0, 1 - (odd ? (angle + within) * 2 / std::numbers::pi : within));
}

PairedDifference paired_difference(const std::vector<RunScore>& a, const std::vector<RunScore>& b) {
  std::vector<double> differences;
  for (const RunScore& one : a) {
    const auto other = std::ranges::find_if(
        b, [&](const RunScore& run) { return run.seed == one.seed && run.fold == one.fold; });
    if (other != b.end()) differences.push_back(one.value - other->value);
  }
  const MeanStd all = mean_std(differences);
  PairedDifference result{all.mean, all.std, all.count, std::numeric_limits<double>::quiet_NaN()};
  const bool has_folds = std::ranges::any_of(a, [](const RunScore& run) { return run.fold >= 0; });
  double largest = 0;
  for (const double difference : differences) largest = std::max(largest, std::abs(difference));
  if (!has_folds && all.std > kRounding * largest) {
    const double t = all.mean / (all.std / std::sqrt(static_cast<double>(all.count)));
    result.p = student_p(t, all.count - 1);
  }
  return result;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
