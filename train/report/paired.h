// Whether two methods differ: their scores on the same seeds, by the paired t-test.
#pragma once

#include <cstdint>
#include <vector>

namespace soragrad::train {

// What one run scored.
struct RunScore {
  int64_t seed = 0, fold = -1;  // -1: no folds
  double value = 0;
};
std::vector<double> values_of(const std::vector<RunScore>& scores);

struct PairedDifference {
  double mean = 0, std = 0;  // of a minus b over the pairs; std with pairs - 1, 0 of one pair
  int64_t pairs = 0;
  // How probable a mean at least as far from 0 is if the methods do not differ and differences are
  // normal and independent. NaN where that cannot be said: of fewer than two pairs, if all
  // differences are equal, and of folds, whose runs share rows that train.
  double p = 0;
};

// Of the runs that both have, by seed and fold. Without any: 0 pairs, mean and p are NaN.
PairedDifference paired_difference(const std::vector<RunScore>& a, const std::vector<RunScore>& b);

// The probability that |T| >= |t|, T of Student's distribution with `freedom` >= 1 degrees.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
double student_p(double t, int64_t freedom);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
