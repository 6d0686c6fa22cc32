// Algorithm 1 of the SoRA paper raises the gates' threshold phase by phase; these are its lists of
// thresholds as the authors' run_glue.py makes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace soragrad::sora {

// Thresholds of all phases, from xi to xi_max:
//   none        xi alone
//   linear      linspace(xi, xi_max, steps)
//   log_linear  log(linspace(exp(xi), exp(xi_max), steps))
//   exp_linear  exp(linspace(log(xi), log(xi_max), steps)); wants xi > 0
// Throws for another name, and for values outside 0 <= xi <= xi_max, steps >= 1, of which "none"
// reads xi alone.
std::vector<double> gate_thresholds(const std::string& schedule, double xi, double xi_max,
                                    int64_t steps);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
