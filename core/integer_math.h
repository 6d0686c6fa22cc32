// Division that rounds up, for sizes of at least 0, on both devices.
#pragma once

#include "core/host_device.h"

namespace soragrad {

template <typename Size, typename Step>
SORAGRAD_HD constexpr auto ceil_div(Size size, Step step) {
  return (size + step - 1) / step;
}

// The least multiple of `step` that is at least `size`.
template <typename Size, typename Step>
SORAGRAD_HD constexpr auto round_up(Size size, Step step) {
  return ceil_div(size, step) * step;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
