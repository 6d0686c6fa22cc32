// Sizes around the blocks, against sums in double.
#include "core/kernels/gemm_packed.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "core/kernels/packed_matrix.h"
#include "core/parallel.h"
#include "core/rng.h"

namespace soragrad {
namespace {

// In (-1, 1), 24 bits each.
Tensor uniform(const Shape& shape, uint64_t seed) {
  const Tensor x = Tensor::empty(shape);
  for (int64_t i = 0; i < x.numel(); ++i) {
    const uint32_t word = philox({seed, 7, 0}, static_cast<uint64_t>(i)).bits[0];
    x.data()[i] = static_cast<real>(word >> 8) * real(0x1p-23) - 1;
  }
  return x;
}

// Largest error of c (rows, n) against start(i, j) + a op(W), over what sums of k fp32 products may
// have.
template <typename Start>
double worst_error(const Tensor& a, const Tensor& weight, bool transpose, const Tensor& c,
                   const Start& start) {
  const int64_t rows = a.size(0), k = a.size(1), n = c.size(1);
  double worst = 0;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = start(i, j), size = std::abs(sum);
      for (int64_t p = 0; p < k; ++p) {
        const double product = static_cast<double>(a.data()[i * k + p]) *
                               weight.data()[transpose ? j * k + p : p * n + j];
        sum += product;
        size += std::abs(product);
      }
      const double error =
          std::abs(c.data()[i * n + j] - sum) / (size * 0x1p-24 * (2 + std::sqrt(k)));
      worst = error <= worst ? worst : error;  // a NaN is kept
    }
  }
  return worst;
}

struct Case {
  int64_t rows, out, in;
};
constexpr Case kCases[] = {{1, 1, 1},   {3, 5, 2},     {8, 64, 63},  {9, 65, 769},
                           {96, 80, 3}, {193, 130, 7}, {7, 2, 1600}, {400, 3, 66}};

}  // namespace

TEST_CASE("gemm_packed: forward, with a bias and without") {
  for (const auto& [rows, out, in] : kCases) {
    CAPTURE(rows);
    CAPTURE(out);
    CAPTURE(in);
    const Tensor x = uniform({rows, in}, 1), weight = uniform({out, in}, 2);
    const Tensor bias = uniform({out}, 3), y = Tensor::empty({rows, out});
    PackedMatrix matrix(weight);
    matrix.forward(x.data(), nullptr, y.data(), rows);
    CHECK(worst_error(x, weight, true, y, [](int64_t, int64_t) { return 0.0; }) < 1);
    matrix.forward(x.data(), bias.data(), y.data(), rows);
    CHECK(worst_error(x, weight, true, y, [&](int64_t, int64_t j) { return bias.data()[j]; }) < 1);
  }
}

TEST_CASE("gemm_packed: backward replaces dx or adds to it, laid out or as it is") {
  for (const bool reused : {true, false}) {
    for (const auto& [rows, out, in] : kCases) {
      CAPTURE(rows);
      CAPTURE(out);
      CAPTURE(in);
      const Tensor dy = uniform({rows, out}, 4), weight = uniform({out, in}, 5);
      const Tensor dx = uniform({rows, in}, 6), start = dx.clone();
      PackedMatrix matrix(weight, Precision::fp32, reused);
      const auto before = [&, columns = in](int64_t i, int64_t j) {
        return start.data()[i * columns + j];
      };
      matrix.backward(dy.data(), dx.data(), rows, true);
      CHECK(worst_error(dy, weight, false, dx, before) < 1);
      matrix.backward(dy.data(), dx.data(), rows, false);
      CHECK(worst_error(dy, weight, false, dx, [](int64_t, int64_t) { return 0.0; }) < 1);
    }
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
