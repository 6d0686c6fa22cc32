// Where a kernel writes the gradient of one of its inputs.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"

namespace soragrad::kernels {

struct GradientTarget {
  real* data = nullptr;     // null: not wanted
  bool accumulate = false;  // add to what is there

  SORAGRAD_HD void write(int64_t i, real value) const {
    data[i] = accumulate ? data[i] + value : value;
  }
};

}  // namespace soragrad::kernels
