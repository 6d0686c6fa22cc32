// core/kernels/linear/cublas.cu on an emulated cuBLASLt: which algorithm it takes, and when it
// asks.
#include <cublasLt.h>
#include <doctest/doctest.h>

#include "core/cuda_runtime.h"
#include "core/kernels/linear/cublas.cuh"
#include "core/kernels/linear/gemm.h"
#include "core/tensor.h"
#include "tests/files.h"
#include "tests/op_cases.h"

namespace soragrad::kernels {
namespace {

// y (m, 4) = x (m, 6) W^T + bias, which begins `offset` elements after an aligned address.
std::vector<real> product(int64_t m, int64_t offset) {
  const Tensor x = test::normal({m, 6}, 1).to(Device::cuda);
  const Tensor weight = test::normal({4, 6}, 2).to(Device::cuda);
  const Tensor bias = test::normal({64}, 3).to(Device::cuda);
  const Tensor y = Tensor::empty({m, 4}, kReal, Device::cuda);
  gemm(Device::cuda, {.a = x.data(),
                      .b = weight.data(),
                      .c = y.data(),
                      .m = m,
                      .n = 4,
                      .k = 6,
                      .lda = 6,
                      .ldb = 6,
                      .ldc = 4,
                      .transpose_b = true,
                      .bias = bias.data() + offset});
  return y.to_vector();
}

}  // namespace

TEST_CASE(
    "cublas: a list of algorithms is asked for once a shape, and again for another alignment") {
  const int before = cuda_emulation::heuristics_asked();
  const std::vector<real> first = product(3, 0);
  CHECK(cuda_emulation::heuristics_asked() == before + 1);
  CHECK(product(3, 0) == first);
  CHECK(cuda_emulation::heuristics_asked() == before + 1);
  product(3, 16);  // 64 bytes: an algorithm for 256 may read 16 numbers at a time
  CHECK(cuda_emulation::heuristics_asked() == before + 2);
  CHECK(test::message_of([] { product(3, 1); }) ==
        "[gemm] the bias begins 4 bytes past a multiple of 16; give it a block of its own.");
}

TEST_CASE("cublas: an algorithm that is refused gives way to the next, which is kept") {
  product(5, 0);
  CHECK(cuda_emulation::last_algorithm() == 0);
  cuda_emulation::refuse_algorithms(1, 2);
  product(7, 0);
  CHECK(cuda_emulation::last_algorithm() == 3);
  cuda_emulation::refuse_algorithms(0, 0);
  product(7, 0);
  CHECK(cuda_emulation::last_algorithm() == 3);
  cuda_emulation::refuse_algorithms(9, 0);
  CHECK(test::message_of([] { product(9, 0); }) ==
        "[gemm] the search for an algorithm of cuBLASLt failed: not supported.");
  cuda_emulation::refuse_algorithms(0, 9);
  CHECK(test::message_of([] { product(9, 0); }) ==
        "[gemm] a product of cuBLASLt failed: not supported.");
  cuda_emulation::refuse_algorithms(0, 0);
  product(9, 0);  // a failure is not kept
  CHECK(cuda_emulation::last_algorithm() == 0);
}

TEST_CASE("cublas: a batch whose biases no algorithm takes is split, from then on") {
  constexpr int64_t kCount = 3, kOut = 4, kRows = 5, kIn = 8;
  const Tensor weights = test::normal({kCount, kOut, kIn}, 1).to(Device::cuda);
  const Tensor x = test::normal({kRows, kIn}, 2).to(Device::cuda);
  const Tensor bias = test::normal({kCount * kOut}, 3).to(Device::cuda);
  const auto products = [&] {
    const Tensor y = Tensor::empty({kCount, kRows, kOut}, kReal, Device::cuda);
    column_major_gemm(
        {.transpose_a = true,
         .m = kOut,
         .n = kRows,
         .k = kIn,
         .operands = kReal,
         .a = weights.raw(),
         .lda = kIn,
         .b = x.raw(),
         .ldb = kIn,
         .c = y.data(),
         .ldc = kOut,
         .bias = bias.data(),
         .batch = {.count = kCount, .a = kOut * kIn, .c = kRows * kOut, .bias = kOut}});
    return y.to_vector();
  };
  cuda_emulation::refuse_batched_bias(true);
  const std::vector<real> split = products();
  const int asked = cuda_emulation::heuristics_asked();
  cuda_emulation::refuse_batched_bias(false);
  const int64_t before = cuda::work().operations;
  CHECK(products() == split);
  CHECK(cuda_emulation::heuristics_asked() == asked);
  CHECK(cuda::work().operations == before + kCount + 1);  // and the copy to the host
  const Tensor row = x.to(Device::cpu).slice(kRows - 1, kRows);
  double expected = static_cast<double>(bias.to_vector().back());
  for (int64_t i = 0; i < kIn; ++i) {
    expected += static_cast<double>(row.data()[i]) *
                static_cast<double>(weights.to_vector()[weights.numel() - kIn + i]);
  }
  CHECK(static_cast<double>(split.back()) == doctest::Approx(expected).epsilon(1e-5));
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
