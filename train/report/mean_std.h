// Mean and sample standard deviation over runs.
#pragma once

#include <cstdint>
#include <span>

namespace soragrad::train {

struct MeanStd {
  double mean = 0;  // NaN of no values
  double std = 0;   // with count - 1; 0 of one value
  int64_t count = 0;
};

MeanStd mean_std(std::span<const double> values);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
