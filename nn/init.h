// Drawing initial values: functions of (seed, parameter path), whatever the order of construction.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/tensor.h"

namespace soragrad::nn {

// N(0, standard_deviation^2) by Box-Muller over Philox words.
Tensor normal(const Shape& shape, double standard_deviation, uint64_t seed, std::string_view path);
// U(-bound, bound).
Tensor uniform(const Shape& shape, double bound, uint64_t seed, std::string_view path);

}  // namespace soragrad::nn
