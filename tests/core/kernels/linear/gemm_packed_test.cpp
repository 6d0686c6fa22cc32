// Sizes around the blocks, against sums in double.
#include "core/kernels/linear/gemm_packed.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "core/packed_matrix.h"
#include "core/parallel.h"
#include "tests/core/kernels/linear/gemm_reference.h"

namespace soragrad {
namespace {

using test::start_of;
using test::uniform;

double worst_error(const Tensor& a, const Tensor& weight, bool transpose, const Tensor& c,
                   const std::vector<double>& start) {
  return test::worst_error(a, weight, transpose, c, start, [](real x) { return double{x}; });
}

constexpr test::ProductSizes kCases[] = {{1, 1, 1},   {3, 5, 2},     {8, 64, 63},  {9, 65, 769},
                                         {96, 80, 3}, {193, 130, 7}, {7, 2, 1600}, {400, 3, 66}};

}  // namespace

TEST_CASE("gemm_packed: forward, with a bias and without") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor x = uniform({rows, in}, 1), weight = uniform({out, in}, 2);
    const Tensor bias = uniform({out}, 3), y = Tensor::empty({rows, out});
    const std::vector<double> zeros(static_cast<size_t>(rows * out));
    PackedMatrix matrix(weight);
    matrix.forward(x.data(), nullptr, y.data(), rows);
    CHECK(worst_error(x, weight, true, y, zeros) < 1);
    matrix.forward(x.data(), bias.data(), y.data(), rows);
    CHECK(worst_error(x, weight, true, y, start_of(bias, rows, out)) < 1);
  }
}

TEST_CASE("gemm_packed: backward replaces dx or adds to it, laid out or as it is") {
  for (const bool reused : {true, false}) {
    for (const auto& [rows, out, in] : kCases) {
      CAPTURE(rows);
      CAPTURE(out);
      CAPTURE(in);
      const Tensor dy = uniform({rows, out}, 4), weight = uniform({out, in}, 5);
      const Tensor dx = uniform({rows, in}, 6);
      const std::vector<double> start = start_of(dx, rows, in), zeros(start.size());
      PackedMatrix matrix(weight, Precision::fp32, reused);
      matrix.backward(dy.data(), dx.data(), rows, true);
      CHECK(worst_error(dy, weight, false, dx, start) < 1);
      matrix.backward(dy.data(), dx.data(), rows, false);
      CHECK(worst_error(dy, weight, false, dx, zeros) < 1);
    }
  }
}

TEST_CASE("gemm_packed: a matrix that saves memory gives the same bits") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor x = uniform({rows, in}, 1), dy = uniform({rows, out}, 4);
    const Tensor weight = uniform({out, in}, 5);
    const auto results = [&](bool saves_memory) {
      PackedMatrix matrix(weight);
      if (saves_memory) matrix.save_memory();
      const Tensor y = Tensor::empty({rows, out}), dx = Tensor::empty({rows, in});
      matrix.forward(x.data(), nullptr, y.data(), rows);
      matrix.backward(dy.data(), dx.data(), rows, false);
      matrix.backward(dy.data(), dx.data(), rows, true);
      return std::pair{y.to_vector(), dx.to_vector()};
    };
    CHECK(results(true) == results(false));
  }
}

TEST_CASE("gemm_packed: neither threads nor other rows change a row's bits") {
  const int before = num_threads();
  const int64_t rows = 300, some = 37, in = 130, out = 770;
  const Tensor x = uniform({rows, in}, 1), weight = uniform({out, in}, 2);
  PackedMatrix matrix(weight);
  std::vector<std::vector<real>> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    const Tensor y = Tensor::empty({rows, out});
    matrix.forward(x.data(), nullptr, y.data(), rows);
    results.push_back(y.to_vector());
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
  const Tensor y = Tensor::empty({some, out});
  matrix.forward(x.data(), nullptr, y.data(), some);
  results[0].resize(static_cast<size_t>(some * out));
  CHECK(y.to_vector() == results[0]);
}

TEST_CASE("gemm_packed: no rows are no work") {
  PackedMatrix(uniform({4, 3}, 2)).forward(nullptr, nullptr, nullptr, 0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
