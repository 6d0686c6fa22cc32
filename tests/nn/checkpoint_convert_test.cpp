#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "nn/checkpoint/stored_tensor.h"
#include "tests/nn/checkpoint_files.h"

namespace soragrad::nn::test {
namespace {

StoredTensor tensor_of(DType dtype, std::span<const std::byte> bytes) {
  StoredTensor tensor{.name = "x", .type = std::string(name_of(dtype)), .dtype = dtype};
  tensor.sizes = {static_cast<int64_t>(bytes.size() / size_of(dtype))};
  tensor.bytes = bytes;
  tensor.where = "file";
  return tensor;
}

template <typename T>
std::vector<T> converted(const StoredTensor& tensor) {
  std::vector<T> result(static_cast<size_t>(tensor.numel()));
  copy_to(tensor, std::span<T>(result));
  return result;
}

// A half by its definition: sign, 5 bits of exponent, 10 of mantissa.
double half_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 31) return sign * (mantissa ? NAN : INFINITY);
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST_CASE("checkpoint: all 65536 halves convert exactly, subnormals and signs included") {
  std::vector<uint16_t> bits(65536);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  const StoredTensor tensor = tensor_of(DType::f16, std::as_bytes(std::span(bits)));
  const std::vector<float> floats = converted<float>(tensor);
  const std::vector<double> doubles = converted<double>(tensor);
  size_t wrong = 0;
  for (size_t i = 0; i < bits.size(); ++i) {
    const double expected = half_value(bits[i]);
    const bool is_nan = std::isnan(expected);
    wrong += is_nan
                 ? !std::isnan(floats[i])
                 : std::bit_cast<uint64_t>(double{floats[i]}) != std::bit_cast<uint64_t>(expected);
    wrong += is_nan ? !std::isnan(doubles[i])
                    : std::bit_cast<uint64_t>(doubles[i]) != std::bit_cast<uint64_t>(expected);
  }
  CHECK(wrong == 0);
}

TEST_CASE("checkpoint: bf16 is the upper half of a float, at odd addresses too") {
  std::vector<std::byte> bytes(1 + 2 * 65536);
  for (size_t i = 0; i < 65536; ++i) {
    const auto bits = static_cast<uint16_t>(i);
    std::memcpy(bytes.data() + 1 + 2 * i, &bits, 2);
  }
  const std::vector<float> floats =
      converted<float>(tensor_of(DType::bf16, std::span(bytes).subspan(1)));
  size_t wrong = 0;
  for (uint32_t i = 0; i < 65536; ++i) wrong += std::bit_cast<uint32_t>(floats[i]) != i << 16;
  CHECK(wrong == 0);
}

TEST_CASE("checkpoint: integers, booleans and doubles convert; floats are no integers") {
  const std::vector<double> doubles = {1.0 / 3, 1e300, -1e-300};
  const StoredTensor wide = tensor_of(DType::f64, std::as_bytes(std::span(doubles)));
  CHECK(converted<double>(wide) == doubles);
  CHECK(converted<float>(wide) == std::vector<float>{1.0f / 3, INFINITY, -0.0f});
  const std::vector<int32_t> integers = {INT32_MIN, -1, 7};
  const StoredTensor ints = tensor_of(DType::i32, std::as_bytes(std::span(integers)));
  CHECK(converted<int64_t>(ints) == std::vector<int64_t>{INT32_MIN, -1, 7});
  CHECK(converted<float>(ints) == std::vector<float>{-0x1p31f, -1, 7});
  const std::vector<uint8_t> flags = {0, 1, 2};
  CHECK(converted<int64_t>(tensor_of(DType::boolean, std::as_bytes(std::span(flags)))) ==
        std::vector<int64_t>{0, 1, 1});
  CHECK(contains(message_of([&] { converted<int64_t>(wide); }), "'x' holds F64, where integers"));
  std::vector<float> short_one(2);
  CHECK(contains(message_of([&] { copy_to(wide, std::span(short_one)); }), "(3) has 3 elements"));
}

TEST_CASE("checkpoint: strided tensors of every rank equal an element by element walk") {
  std::mt19937 random(7);
  std::vector<float> storage(4000);
  for (size_t i = 0; i < storage.size(); ++i) storage[i] = static_cast<float>(i);
  const std::vector<std::vector<int64_t>> sizes = {{5}, {3, 4}, {2, 1, 3}, {2, 3, 4, 5}, {4, 1}};
  for (int round = 0; round < 200; ++round) {
    StoredTensor tensor = tensor_of(DType::f32, std::as_bytes(std::span(storage)));
    tensor.sizes = sizes[static_cast<size_t>(round) % sizes.size()];
    for (size_t axis = 0; axis < tensor.sizes.size(); ++axis) {
      tensor.strides.push_back(static_cast<int64_t>(random() % 9) * (axis % 2 ? 1 : 20));
    }
    std::vector<float> expected;
    std::vector<int64_t> index(tensor.sizes.size(), 0);
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      int64_t rest = i, offset = 0;
      for (size_t axis = index.size(); axis-- > 0;) {
        offset += rest % tensor.sizes[axis] * tensor.strides[axis];
        rest /= tensor.sizes[axis];
      }
      expected.push_back(storage[static_cast<size_t>(offset)]);
    }
    CAPTURE(to_text(tensor.sizes));
    CAPTURE(to_text(tensor.strides));
    CHECK(converted<float>(tensor) == expected);
  }
}

}  // namespace
}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
