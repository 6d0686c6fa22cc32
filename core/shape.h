// Shape: the sizes of a dense row-major array, at most kMaxRank of them, stored inline.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace soragrad {

constexpr int kMaxRank = 4;

// A class rather than a vector alias, so that argument-dependent lookup finds its formatter.
class Shape {
 public:
  Shape() = default;  // rank 0: a scalar
  Shape(std::initializer_list<int64_t> sizes);
  // Throws where there are more than kMaxRank sizes, a negative one, or the product overflows.
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  // Size of an axis; negative axes count from the end. Throws where there is no such axis.
  int64_t operator[](int axis) const {
    const int index = axis < 0 ? axis + rank_ : axis;
    if (index < 0 || index >= rank_) [[unlikely]]
      refuse_axis(axis);
    return sizes_[static_cast<size_t>(index)];
  }
  int64_t numel() const;
  std::span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }
  // Product of all sizes but the last: what the kernels call rows. 1 for a scalar.
  int64_t rows() const;
  bool operator==(const Shape&) const = default;

 private:
  [[noreturn]] void refuse_axis(int axis) const;

  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

// "(8, 128, 768)"; "()" for a scalar.
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& out, const Shape& shape);

}  // namespace soragrad

template <>
struct fmt::formatter<soragrad::Shape> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const soragrad::Shape& shape, Context& context) const {
    return fmt::formatter<std::string>::format(soragrad::to_string(shape), context);
  }
};

// SPDX-License-Identifier: Apache-2.0
