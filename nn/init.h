// Random initial values. They are functions of (seed, parameter path), so neither the order of
// construction nor other parameters change them. Tensors are in host memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/tensor.h"
#include "nn/module.h"

namespace soragrad::nn {

// Draws from N(0, standard_deviation^2), by the Box-Muller transform of Philox words.
Tensor normal(const Shape& shape, double standard_deviation, uint64_t seed, std::string_view path);
// Draws from U(-bound, bound).
Tensor uniform(const Shape& shape, double bound, uint64_t seed, std::string_view path);

// First values for training from scratch: every parameter below the module gets one, drawn from the
// seed and its path, and becomes trainable. A weight of two axes (out, in) is drawn from
// U(-1 / sqrt(in), 1 / sqrt(in)), as PyTorch's Linear; a weight of one axis (LayerNorm) is 1, a
// bias 0.
void initialize(Module& module, uint64_t seed, Device device = Device::cpu);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
