#include "core/shape.h"

#include <fmt/ranges.h>

#include <ostream>

#include "core/error.h"

namespace soragrad {

Shape::Shape(std::initializer_list<int64_t> sizes)
    : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const int64_t> sizes) {
  require(sizes.size() <= kMaxRank, "[shape] {} dimensions; at most {} are supported.",
          sizes.size(), kMaxRank);
  rank_ = static_cast<int>(sizes.size());
  int64_t numel = 1;
  for (int axis = 0; axis < rank_; ++axis) {
    require(sizes[axis] >= 0, "[shape] dimension {} is {}; it must not be negative.", axis,
            sizes[axis]);
    sizes_[axis] = sizes[axis];
    require(!__builtin_mul_overflow(numel, sizes[axis], &numel),
            "[shape] {} elements and more in dimension {} overflow 64 bits.", sizes[axis], axis);
  }
}

void Shape::refuse_axis(int axis) const {
  fail("[shape] axis {} of {}, which has {} axes.", axis, *this, rank_);
}

int64_t Shape::numel() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= sizes_[axis];
  return product;
}

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int axis = 0; axis + 1 < rank_; ++axis) product *= sizes_[axis];
  return product;
}

std::string to_string(const Shape& shape) {
  return fmt::format("({})", fmt::join(shape.sizes(), ", "));
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << to_string(shape);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
