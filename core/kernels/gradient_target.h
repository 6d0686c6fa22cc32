// GradientTarget: where a kernel writes the gradient of one of its inputs, and whether it adds to
// what is there. Kernels that add in place save the caller a temporary and an extra pass.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"

namespace soragrad::kernels {

struct GradientTarget {
  real* data = nullptr;     // null: the gradient is not wanted
  bool accumulate = false;  // true: add to data; false: overwrite it

  // Writes element i, which has one writer per launch. `data` must not be null.
  SORAGRAD_HD void write(int64_t i, real value) const {
    data[i] = accumulate ? data[i] + value : value;
  }
};

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
