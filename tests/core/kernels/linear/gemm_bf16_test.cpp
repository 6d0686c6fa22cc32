// Sizes around the blocks of the CPU's kernels, against sums in double of the rounded operands.
#include "core/kernels/linear/gemm_bf16.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/kernels/linear/onednn.h"
#include "core/kernels/linear/transpose.h"
#include "core/packed_matrix.h"
#include "core/parallel.h"
#include "tests/core/kernels/linear/gemm_reference.h"

namespace soragrad {
namespace {

using test::start_of;
using test::uniform;

double worst_error(const Tensor& a, const Tensor& weight, bool transpose, const Tensor& c,
                   const std::vector<double>& start) {
  return test::worst_error(a, weight, transpose, c, start,
                           [](float x) { return double{to_float(to_bfloat16(x))}; });
}

constexpr test::ProductSizes kCases[] = {{1, 1, 1},      {3, 5, 2},     {8, 384, 64},
                                         {9, 385, 33},   {90, 48, 96},  {128, 400, 7},
                                         {129, 96, 768}, {300, 770, 40}};

}  // namespace

TEST_CASE("gemm_bf16: forward rounds both operands and sums in fp32") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor x = uniform({rows, in}, 1), weight = uniform({out, in}, 2);
    const Tensor bias = uniform({out}, 3), y = Tensor::empty({rows, out});
    PackedMatrix matrix(weight, Precision::bf16);
    const std::vector<double> zeros(static_cast<size_t>(rows * out));
    matrix.forward(x.data(), nullptr, y.data(), rows);
    CHECK(worst_error(x, weight, true, y, zeros) < 1);
    matrix.forward(x.data(), bias.data(), y.data(), rows);
    CHECK(worst_error(x, weight, true, y, start_of(bias, rows, out)) < 1);
  }
}

TEST_CASE("gemm_bf16: backward replaces dx or adds to it") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor dy = uniform({rows, out}, 4), weight = uniform({out, in}, 5);
    const Tensor dx = uniform({rows, in}, 6);
    PackedMatrix matrix(weight, Precision::bf16);
    const std::vector<double> start = start_of(dx, rows, in), zeros(start.size());
    matrix.backward(dy.data(), dx.data(), rows, true);
    CHECK(worst_error(dy, weight, false, dx, start) < 1);
    matrix.backward(dy.data(), dx.data(), rows, false);
    CHECK(worst_error(dy, weight, false, dx, zeros) < 1);
  }
}

TEST_CASE("gemm_bf16: the weight's gradient replaces dw or adds to it") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor x = uniform({rows, in}, 1), dy = uniform({rows, out}, 4);
    const Tensor transposed = Tensor::empty({out, rows}), dw = uniform({out, in}, 6);
    kernels::transpose(Device::cpu, {dy.data(), transposed.data(), rows, out});
    const PackedMatrix matrix(dw, Precision::bf16);
    const std::vector<double> start = start_of(dw, out, in), zeros(start.size());
    matrix.weight_gradient(dy.data(), x.data(), dw.data(), rows, true);
    CHECK(worst_error(transposed, x, false, dw, start) < 1);
    matrix.weight_gradient(dy.data(), x.data(), dw.data(), rows, false);
    CHECK(worst_error(transposed, x, false, dw, zeros) < 1);
  }
}

TEST_CASE("gemm_bf16: the number of threads changes no bit") {
  const int before = num_threads();
  const Tensor x = uniform({300, 130}, 1), weight = uniform({770, 130}, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    PackedMatrix matrix(weight, Precision::bf16);
    const Tensor y = Tensor::empty({300, 770}), dx = Tensor::empty({300, 130});
    matrix.forward(x.data(), nullptr, y.data(), 300);
    matrix.backward(y.data(), dx.data(), 300, false);
    const Tensor dw = Tensor::empty({770, 130});
    matrix.weight_gradient(y.data(), x.data(), dw.data(), 300, false);
    results.push_back(y.to_vector());
    for (const Tensor& more : {dx, dw}) {
      const std::vector<float> numbers = more.to_vector();
      results.back().insert(results.back().end(), numbers.begin(), numbers.end());
    }
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE("gemm_bf16: NaN and infinity reach their rows alone") {
  const Tensor x = uniform({20, 16}, 1), weight = uniform({24, 16}, 2);
  x.data()[3 * 16] = NAN;
  x.data()[5 * 16 + 1] = INFINITY;
  const Tensor y = Tensor::empty({20, 24});
  PackedMatrix(weight, Precision::bf16).forward(x.data(), nullptr, y.data(), 20);
  for (int64_t i = 0; i < y.numel(); ++i) {
    CHECK(std::isnan(y.data()[i]) == (i / 24 == 3));
    CHECK(std::isinf(y.data()[i]) == (i / 24 == 5));
  }
}

TEST_CASE("gemm_bf16: no rows are no work") {
  const Tensor weight = uniform({4, 3}, 2);
  PackedMatrix(weight, Precision::bf16).forward(nullptr, nullptr, nullptr, 0);
}

TEST_CASE("gemm_bf16: the processor's instructions can be forbidden") {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (limit && std::string_view(limit) == "AVX512_CORE") CHECK(!kernels::has_native_bf16());
}

TEST_CASE("gemm_bf16: a packed weight takes half the memory of fp32 where bf16 is native") {
  const size_t bytes = kernels::packed_bf16_bytes(Device::cpu, 768, 768);
  CHECK(bytes == (kernels::bf16_way() == kernels::Bf16Way::rounded ? 4u : 2u) * 768 * 768);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
