#include "core/tensor.h"

#include <doctest/doctest.h>

#include <numeric>
#include <span>
#include <vector>

namespace soragrad {
namespace {

Tensor counting(const Shape& shape) {
  std::vector<real> values(static_cast<size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), real(0));
  return Tensor::from(values, shape);
}

}  // namespace

TEST_CASE("tensor: copies share elements, clones do not") {
  const Tensor x = counting({2, 3});
  const Tensor same = x, other = x.clone();
  x.data()[0] = 7;
  CHECK(same.data()[0] == 7);
  CHECK(other.data()[0] == 0);
}

TEST_CASE("tensor: a slice and a view are windows on the same elements") {
  const Tensor x = counting({4, 3});
  const Tensor rows = x.slice(1, 3);
  CHECK(rows.shape() == Shape{2, 3});
  CHECK(rows.to_vector() == std::vector<real>{3, 4, 5, 6, 7, 8});
  rows.fill_zero();
  CHECK(x.to_vector() == std::vector<real>{0, 1, 2, 0, 0, 0, 0, 0, 0, 9, 10, 11});
  CHECK(rows.view({3, 2}).slice(2, 3).to_vector() == std::vector<real>{0, 0});
  CHECK(x.slice(2, 2).numel() == 0);
}

TEST_CASE("tensor: a slice of a slice counts from the slice") {
  const Tensor x = counting({6});
  CHECK(x.slice(2, 6).slice(1, 2).item() == 3);
}

TEST_CASE("tensor: what does not fit is refused") {
  const Tensor x = counting({2, 3});
  CHECK_THROWS_AS(x.view({4}), Error);
  CHECK_THROWS_AS(x.slice(1, 3), Error);
  CHECK_THROWS_AS(x.slice(-1, 1), Error);
  CHECK_THROWS_AS(x.item(), Error);
  CHECK_THROWS_AS(x.data<int64_t>(), Error);
  CHECK_THROWS_AS(x.copy_from(counting({5})), Error);
  CHECK_THROWS_AS(Tensor::from(std::vector<real>{1, 2}, {3}), Error);
  CHECK_THROWS_AS(Tensor().data(), Error);
  CHECK_THROWS_AS(Tensor(x.storage(), 4, {2, 3}, kReal), Error);
  CHECK_THROWS_WITH_AS(Tensor(x.storage(), 1, {2}, DType::f32),
                       "[tensor] F32 begin at byte 1 of the storage; it must be a multiple of 4.",
                       Error);
  const int64_t huge = int64_t{1} << 62;
  CHECK_THROWS_WITH_AS(Tensor::empty({huge}, DType::f32),
                       "[tensor] the bytes of (4611686018427387904) of F32 overflow 64 bits; use a "
                       "smaller shape.",
                       Error);
  CHECK_THROWS_AS(Tensor(x.storage(), 0, {huge}, DType::f32), Error);
  CHECK_THROWS_WITH_AS(Tensor::empty({huge - 1}, DType::f32), doctest::Contains("do not fit"),
                       Error);
}

TEST_CASE("tensor: an undefined one is refused") {
  CHECK_THROWS_WITH_AS(Tensor().clone(),
                       "[tensor] there is no value: the tensor or Variable is undefined.", Error);
  CHECK_THROWS_AS(Tensor().fill_zero(), Error);
  CHECK_THROWS_AS(Tensor().to_vector(), Error);
  CHECK_THROWS_AS(counting({}).copy_from(Tensor()), Error);
}

TEST_CASE("tensor: literals, spans and vectors go in and out") {
  const Tensor x = Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(x.dtype() == kReal);
  CHECK(x.to_vector() == std::vector<real>{1, 2, 3, 4, 5, 6});
  x.elements()[4] = 50;
  CHECK(x.slice(1, 2).to_vector() == std::vector<real>{4, 50, 6});
  const std::vector<real> row = {7, 8, 9};
  x.slice(0, 1).copy_from(std::span<const real>(row));
  CHECK(x.to_vector() == std::vector<real>{7, 8, 9, 4, 50, 6});
  CHECK_THROWS_WITH_AS(x.copy_from(std::span<const real>(row)),
                       doctest::Contains("(3) of F32 does not fit (2, 3) of F32"), Error);
  CHECK_THROWS_AS(x.elements<int32_t>(), Error);
}

TEST_CASE("tensor: bytes and truth values are element types") {
  const Tensor mask = Tensor::zeros({2}, DType::boolean);
  mask.elements<bool>()[1] = true;
  CHECK(mask.to_vector<bool>() == std::vector<bool>{false, true});
  CHECK(Tensor::from(std::vector<uint8_t>{1, 255}, {2}).dtype() == DType::u8);
  CHECK_THROWS_AS(mask.elements<uint8_t>(), Error);
}

TEST_CASE("tensor: elements have a type") {
  const Tensor ids = Tensor::from<int64_t>({3, 1}, {2});
  CHECK(ids.dtype() == DType::i64);
  CHECK(ids.to_vector<int64_t>() == std::vector<int64_t>{3, 1});
  CHECK(Tensor::zeros({3}, DType::i32).to_vector<int32_t>() == std::vector<int32_t>{0, 0, 0});
  CHECK(Tensor::full({2}, real(1.5)).to_vector() == std::vector<real>{1.5, 1.5});
}

TEST_CASE("tensor: overlapping rows can be copied") {
  const Tensor x = counting({4});
  x.slice(1, 4).copy_from(x.slice(0, 3));
  CHECK(x.to_vector() == std::vector<real>{0, 0, 1, 2});
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
