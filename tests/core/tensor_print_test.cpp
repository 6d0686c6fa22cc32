#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace soragrad {
namespace {

Tensor counting(const Shape& shape) {
  std::vector<int64_t> values(static_cast<size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), int64_t{0});
  return Tensor::from(values, shape);
}

size_t longest_line(const std::string& text) {
  std::istringstream lines(text);
  size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

}  // namespace

TEST_CASE("printed tensor: a matrix is aligned, with shape, element type and device") {
  const Tensor x = Tensor::from(std::vector<float>{1, 2.5f, -3, 0, 1e-8f, 4}, {2, 3});
  CHECK(fmt::format("{}", x) ==
        "tensor([[    1,   2.5,    -3],\n"
        "        [    0, 1e-08,     4]], shape=(2, 3), F32, cpu)");
  std::ostringstream out;
  out << x;
  CHECK(out.str() == to_string(x));
}

TEST_CASE("printed tensor: scalars, vectors and nothing") {
  CHECK(to_string(Tensor::from(std::vector<double>{0.5}, {})) == "tensor(0.5, shape=(), F64, cpu)");
  CHECK(to_string(counting({3})) == "tensor([0, 1, 2], shape=(3), I64, cpu)");
  CHECK(to_string(counting({0, 3})) == "tensor([], shape=(0, 3), I64, cpu)");
  CHECK(to_string(Tensor()) == "tensor(undefined)");
}

TEST_CASE("printed tensor: every element type has its own text") {
  CHECK(to_string(Tensor::from(std::vector<bfloat16>{to_bfloat16(1.5f)}, {1})) ==
        "tensor([1.5], shape=(1), BF16, cpu)");
  CHECK(to_string(Tensor::from(std::vector<float16>{{0x3c00}}, {1})) ==
        "tensor([1], shape=(1), F16, cpu)");
  CHECK(to_string(Tensor::from(std::vector<int8_t>{-7, 65}, {2})) ==
        "tensor([-7, 65], shape=(2), I8, cpu)");
  CHECK(to_string(Tensor::zeros({2}, DType::boolean)) ==
        "tensor([false, false], shape=(2), BOOL, cpu)");
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(to_string(Tensor::from(std::vector<float>{infinity, -infinity, infinity - infinity}, {3}))
            .find("inf, -inf,") != std::string::npos);
}

TEST_CASE("printed tensor: matrices of a stack are an empty line apart") {
  CHECK(to_string(counting({2, 2, 2})) ==
        "tensor([[[0, 1],\n"
        "         [2, 3]],\n"
        "\n"
        "        [[4, 5],\n"
        "         [6, 7]]], shape=(2, 2, 2), I64, cpu)");
}

TEST_CASE("printed tensor: a large one shows the ends of each axis") {
  CHECK(to_string(counting({1001})) ==
        "tensor([   0,    1,    2, ...,  998,  999, 1000], shape=(1001), I64, cpu)");
  const std::string matrix = to_string(counting({100, 200}));
  CHECK(matrix.find("[    0,     1,     2, ...,   197,   198,   199],\n") != std::string::npos);
  CHECK(matrix.find("        ...,\n") != std::string::npos);
  CHECK(matrix.find("19999]], shape=(100, 200)") != std::string::npos);
  // Axes of at most six are shown whole.
  CHECK(to_string(counting({500, 4})).find("[1996, 1997, 1998, 1999]]") != std::string::npos);
}

TEST_CASE("printed tensor: long rows go on in the next line") {
  const std::string text = to_string(counting({2, 100}));
  CHECK(longest_line(text.substr(0, text.find(", shape="))) <= 80);
  CHECK(text.find(",\n          14,  15,") != std::string::npos);
}

TEST_CASE("shapes print") {
  std::ostringstream out;
  out << Shape{8, 128};
  CHECK(out.str() == "(8, 128)");
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
