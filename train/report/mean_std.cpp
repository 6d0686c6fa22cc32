#include "train/report/mean_std.h"

#include <cmath>
#include <limits>

namespace soragrad::train {

MeanStd mean_std(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), 0, 0};
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0,
          static_cast<int64_t>(values.size())};
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
