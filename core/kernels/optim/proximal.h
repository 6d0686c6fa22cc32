// Proximal operators of the gates, for both devices.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"

namespace soragrad::kernels {

enum class Proximal : int32_t { none, exact, released };

// The proximal operator of t |g|: sign(g) max(|g| - t, 0) (Ding et al., "Sparse low-rank
// adaptation of pre-trained language models", 2023, equation 9).
SORAGRAD_HD real soft_threshold(real g, real t) {
  return g > t ? g - t : g < -t ? g + t : real(0);
}

// What the authors' code does in its place: three assignments one after another, each of which sees
// the result of those before. As long as 2 t is above |g| the third one sets 0, so the dead zone is
// twice as wide.
SORAGRAD_HD real released_threshold(real g, real t) {
  g = g > t ? g - t : g;
  g = g < -t ? g + t : g;
  return (g < 0 ? -g : g) < t ? real(0) : g;
}

// Nothing where t is not positive.
SORAGRAD_HD real apply_proximal(Proximal proximal, real g, real t) {
  if (!(t > 0) || proximal == Proximal::none) return g;
  return proximal == Proximal::exact ? soft_threshold(g, t) : released_threshold(g, t);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
