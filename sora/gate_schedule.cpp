#include "sora/gate_schedule.h"

#include <cmath>

#include "core/error.h"

namespace soragrad::sora {
namespace {

// Both ends are exact, as in numpy.linspace.
std::vector<double> linspace(double first, double last, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count), first);
  const double step = count > 1 ? (last - first) / static_cast<double>(count - 1) : 0;
  for (int64_t i = 1; i + 1 < count; ++i) {
    values[static_cast<size_t>(i)] = first + static_cast<double>(i) * step;
  }
  if (count > 1) values.back() = last;
  return values;
}

}  // namespace

std::vector<double> gate_thresholds(const std::string& schedule, double xi, double xi_max,
                                    int64_t steps) {
  if (schedule == "none") {
    require(xi >= 0 && std::isfinite(xi), "[xi] {}; a number of at least 0 is wanted.", xi);
    return {xi};
  }
  require(schedule == "linear" || schedule == "log_linear" || schedule == "exp_linear",
          "[schedule] \"{}\" is not known; use none, linear, log_linear or exp_linear.", schedule);
  require(steps >= 1, "[xi_steps] {} thresholds; at least 1 is wanted.", steps);
  require(xi >= 0 && xi <= xi_max && std::isfinite(xi_max),
          "[xi_max] thresholds rise from xi = {} to xi_max = {}; 0 <= xi <= xi_max is wanted.", xi,
          xi_max);
  if (schedule == "linear") return linspace(xi, xi_max, steps);
  std::vector<double> values;
  if (schedule == "log_linear") {
    require(xi_max < 700, "[xi_max] {} is too large for log_linear: its exponential overflows.",
            xi_max);
    values = linspace(std::exp(xi), std::exp(xi_max), steps);
    for (double& value : values) value = std::log(value);
  } else {
    require(xi > 0, "[xi] exp_linear takes the logarithm of xi, which is {}; start above 0.", xi);
    values = linspace(std::log(xi), std::log(xi_max), steps);
    for (double& value : values) value = std::exp(value);
  }
  return values;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
