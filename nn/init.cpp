#include "nn/init.h"

#include <cmath>
#include <numbers>

#include "core/normal.h"

namespace soragrad::nn {
namespace {

// A number in (0, 1): the midpoint of one of 2^32 cells. It is never 0, so its logarithm is finite.
double unit(uint32_t bits) {
  return (bits + 0.5) * 0x1p-32;
}

// Element i is draw(words of Philox block i / 4, i % 4).
template <typename Draw>
Tensor fill(const Shape& shape, uint64_t seed, std::string_view path, Draw&& draw) {
  const RandomStream stream{seed, random_site(path), 0};
  Tensor result = Tensor::empty(shape);
  real* values = result.data();
  for (int64_t i = 0; i < result.numel(); i += 4) {
    const Philox4 words = philox(stream, static_cast<uint64_t>(i / 4));
    for (int64_t j = 0; j < 4 && i + j < result.numel(); ++j) {
      values[i + j] = static_cast<real>(draw(words, j));
    }
  }
  return result;
}

}  // namespace

Tensor normal(const Shape& shape, double standard_deviation, uint64_t seed, std::string_view path) {
  // Two words make two normal numbers: elements 0 and 1 of a block, and 2 and 3.
  return fill(shape, seed, path, [&](const Philox4& words, int64_t j) {
    const double radius = box_muller_radius(unit(words.bits[j / 2 * 2]));
    const double angle = 2 * std::numbers::pi * unit(words.bits[j / 2 * 2 + 1]);
    return standard_deviation * radius * (j % 2 ? std::sin(angle) : std::cos(angle));
  });
}

Tensor uniform(const Shape& shape, double bound, uint64_t seed, std::string_view path) {
  return fill(shape, seed, path, [&](const Philox4& words, int64_t j) {
    return bound * (2 * unit(words.bits[j]) - 1);
  });
}

void initialize(Module& module, uint64_t seed, Device device) {
  module.for_each_parameter([&](Parameter& parameter) {
    const Shape& shape = parameter.declared_shape();
    Tensor value = Tensor::full(shape, parameter.name() == "bias" ? 0 : 1);
    if (shape.rank() == 2) {
      const double bound = 1 / std::sqrt(static_cast<double>(shape[1]));
      value = uniform(shape, bound, seed, parameter.path());
    }
    parameter.assign(value.to(device));
    parameter.set_requires_grad(true);
  });
}
}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
