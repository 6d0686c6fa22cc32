// Normally distributed numbers from Philox words, by the transform of Box and Muller (1958): for
// uniform u in (0, 1] and v, sqrt(-2 ln u) cos(2 pi v) and sqrt(-2 ln u) sin(2 pi v) are N(0, 1).
#pragma once

#include <cmath>
#include <numbers>

#include "core/rng.h"

namespace soragrad {

inline double box_muller_radius(double u) {
  return std::sqrt(-2 * std::log(u));
}

// N(0, 1) from the first two words.
inline double normal_of(const Philox4& words) {
  return box_muller_radius((words.bits[0] + 1.0) / 4294967296.0) *
         std::cos(words.bits[1] * (std::numbers::pi / 2147483648.0));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
