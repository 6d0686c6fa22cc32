#include "autograd/operators.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "autograd/ops.h"

namespace soragrad {
namespace {

// A frozen tensor of x's shape, filled with a number.
Variable constant_like(const Variable& x, real value) {
  return Variable(Tensor::full(x.shape(), value, x.device()));
}

// Half formats are compared as floats.
template <typename T>
T comparable(T x) {
  return x;
}
float comparable(bfloat16 x) {
  return to_float(x);
}
float comparable(float16 x) {
  return to_float(x);
}

// mask = compare(a, b) for tensors of type T in host memory.
template <typename T, typename Compare>
void compare_elements(const Tensor& a, const Tensor& b, const Tensor& mask, Compare compare) {
  const std::span<const T> left = a.elements<T>(), right = b.elements<T>();
  std::transform(left.begin(), left.end(), right.begin(), mask.elements<bool>().begin(),
                 [&](T x, T y) { return compare(comparable(x), comparable(y)); });
}

// The same for a type known at run time.
template <typename Compare>
void compare_as(DType dtype, const Tensor& a, const Tensor& b, const Tensor& mask,
                Compare compare) {
  switch (dtype) {
    case DType::f32:
      return compare_elements<float>(a, b, mask, compare);
    case DType::f64:
      return compare_elements<double>(a, b, mask, compare);
    case DType::bf16:
      return compare_elements<bfloat16>(a, b, mask, compare);
    case DType::f16:
      return compare_elements<float16>(a, b, mask, compare);
    case DType::i64:
      return compare_elements<int64_t>(a, b, mask, compare);
    case DType::i32:
      return compare_elements<int32_t>(a, b, mask, compare);
    case DType::i16:
      return compare_elements<int16_t>(a, b, mask, compare);
    case DType::i8:
      return compare_elements<int8_t>(a, b, mask, compare);
    case DType::u8:
      return compare_elements<uint8_t>(a, b, mask, compare);
    case DType::boolean:
      return compare_elements<bool>(a, b, mask, compare);
  }
}

// Any comparison: checks, compares on the host, returns the mask on a's device.
template <typename Compare>
Tensor compared(const char* sign, const Tensor& a, const Tensor& b, Compare compare) {
  require(a.defined() && b.defined(), "[{}] an undefined tensor cannot be compared.", sign);
  require(a.shape() == b.shape() && a.dtype() == b.dtype(),
          "[{}] a {} of {} and b {} of {} differ; equal shapes and element types are needed.", sign,
          a.shape(), name_of(a.dtype()), b.shape(), name_of(b.dtype()));
  const Tensor mask = Tensor::empty(a.shape(), DType::boolean);
  compare_as(a.dtype(), a.to(Device::cpu), b.to(Device::cpu), mask, compare);
  return mask.to(a.device());
}

}  // namespace

Variable operator+(const Variable& a, const Variable& b) {
  return add(a, b);
}
Variable operator-(const Variable& a, const Variable& b) {
  require(a.shape() == b.shape(), "[-] a {} and b {} differ; equal shapes are needed.", a.shape(),
          b.shape());
  return add(a, scale(b, -1));
}
Variable operator*(const Variable& a, const Variable& b) {
  return mul(a, b);
}
Variable operator+(const Variable& a, real b) {
  return add(a, constant_like(a, b));
}
Variable operator+(real a, const Variable& b) {
  return add(constant_like(b, a), b);
}
Variable operator-(const Variable& a, real b) {
  return add(a, constant_like(a, -b));
}
Variable operator-(real a, const Variable& b) {
  return add(constant_like(b, a), scale(b, -1));
}
Variable operator*(const Variable& a, real b) {
  return scale(a, b);
}
Variable operator*(real a, const Variable& b) {
  return scale(b, a);
}
Variable operator-(const Variable& x) {
  return scale(x, -1);
}

Tensor operator==(const Tensor& a, const Tensor& b) {
  return compared("==", a, b, std::equal_to<>());
}
Tensor operator!=(const Tensor& a, const Tensor& b) {
  return compared("!=", a, b, std::not_equal_to<>());
}
Tensor operator<(const Tensor& a, const Tensor& b) {
  return compared("<", a, b, std::less<>());
}
Tensor operator<=(const Tensor& a, const Tensor& b) {
  return compared("<=", a, b, std::less_equal<>());
}
Tensor operator>(const Tensor& a, const Tensor& b) {
  return compared(">", a, b, std::greater<>());
}
Tensor operator>=(const Tensor& a, const Tensor& b) {
  return compared(">=", a, b, std::greater_equal<>());
}

Tensor operator==(const Variable& a, const Variable& b) {
  return a.value() == b.value();
}
Tensor operator!=(const Variable& a, const Variable& b) {
  return a.value() != b.value();
}
Tensor operator<(const Variable& a, const Variable& b) {
  return a.value() < b.value();
}
Tensor operator<=(const Variable& a, const Variable& b) {
  return a.value() <= b.value();
}
Tensor operator>(const Variable& a, const Variable& b) {
  return a.value() > b.value();
}
Tensor operator>=(const Variable& a, const Variable& b) {
  return a.value() >= b.value();
}

int64_t count(const Tensor& mask) {
  const Tensor host = mask.to(Device::cpu);
  const std::span<const bool> elements = host.elements<bool>();
  return std::count(elements.begin(), elements.end(), true);
}

Tensor argmax(const Tensor& x) {
  require(x.defined() && x.shape().rank() > 0 && x.size(-1) > 0,
          "[argmax] rows with at least one column are needed, not {}.", x.shape());
  const Tensor host = x.to(Device::cpu);
  const std::span<const real> values = host.elements();
  const int64_t columns = x.size(-1);
  std::vector<int64_t> largest(static_cast<size_t>(x.numel() / columns));
  for (size_t row = 0; row < largest.size(); ++row) {
    const std::span<const real> candidates =
        values.subspan(row * static_cast<size_t>(columns), static_cast<size_t>(columns));
    for (int64_t column = 1; column < columns; ++column) {
      const real best = candidates[static_cast<size_t>(largest[row])];
      const real x_column = candidates[static_cast<size_t>(column)];
      if (x_column > best || (std::isnan(best) && !std::isnan(x_column))) largest[row] = column;
    }
  }
  return Tensor::from(largest, {static_cast<int64_t>(largest.size())}, x.device());
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
