// The products with GELU (core/kernels/linear/gemm_gelu.h) on the emulated cuDNN. Rows of op_cases
// compare their results with the CPU and with composed ops; here is when they are taken.
#include "core/kernels/linear/gemm_gelu.h"

#include <doctest/doctest.h>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/cuda_emulation/include/cudnn.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

struct Sizes {
  int64_t rows, hidden, intermediate;
};

// What cuDNN does for forward and backward of a feed-forward network. With `beside` another op
// reads the GELU's result, too.
cuda_emulation::CudnnWork work_of(const Sizes& sizes, Precision precision, bool beside = false) {
  const auto on_gpu = [](const Shape& shape, uint64_t seed, bool trains) {
    return Variable(test::normal(shape, seed).to(Device::cuda), trains);
  };
  const auto [rows, hidden, intermediate] = sizes;
  const Variable x = on_gpu({rows, hidden}, 1, true), bias = on_gpu({intermediate}, 2, false);
  const Variable up = on_gpu({intermediate, hidden}, 3, false);
  const Variable down = on_gpu({hidden, intermediate}, 4, false);
  const auto before = cuda_emulation::cudnn_work();
  const Activated wide =
      linear_gelu(x, up, bias, std::make_shared<PackedMatrix>(up.value(), precision));
  Variable y =
      linear(wide, down, Variable(), std::make_shared<PackedMatrix>(down.value(), precision));
  if (beside) y = add(y, matmul(wide.y, down, false, true));
  backward(sum(y));
  cuda_emulation::run_all();
  const auto after = cuda_emulation::cudnn_work();
  return {after.kernels - before.kernels, after.plans - before.plans,
          after.products - before.products};
}

}  // namespace

TEST_CASE("gemm_gelu: one product forward and one backward, a plan for each shape") {
  work_of({3, 16, 40}, Precision::bf16);  // compiles, if no other test did
  const auto first = work_of({4, 16, 40}, Precision::bf16);
  CHECK(first.products == 2);
  CHECK(first.plans == 2);
  CHECK(first.kernels == 0);  // a plan for another shape compiles nothing
  const auto again = work_of({4, 16, 40}, Precision::bf16);
  CHECK(again.products == 2);
  CHECK(again.plans == 0);
  const auto shared = work_of({4, 16, 40}, Precision::bf16, true);
  CHECK(shared.products == 2);
  CHECK(shared.plans <= 2);  // backward has another graph, which adds: a typical plan and its own
}

// The heuristic of the emulated cuDNN chooses another kernel for each number of rows.
TEST_CASE("gemm_gelu: batches of some size share kernels, whichever of them came first") {
  const auto kernels = [](int64_t rows) {
    return work_of({rows, 24, 40}, Precision::bf16).kernels;
  };
  CHECK(kernels(20) <= 2);
  CHECK(kernels(250) == 0);
  CHECK(kernels(300) <= 2);  // larger tiles
  CHECK(kernels(290) == 0);
  CHECK(kernels::cudnn_use().plans >= 8);
}

TEST_CASE("gemm_gelu: fp32 and sizes that are no multiples of 8 go another way") {
  CHECK(work_of({4, 16, 40}, Precision::fp32).products == 0);
  CHECK(work_of({4, 16, 20}, Precision::bf16).products == 0);
  CHECK(work_of({4, 12, 40}, Precision::bf16).products == 0);
  CHECK(kernels::cudnn_use().version == "9.19.0");
}

TEST_CASE("gemm_gelu: what cuDNN refuses goes another way") {
  using cuda_emulation::CudnnRefuses;
  for (const auto& [what, rows] :
       {std::pair{CudnnRefuses::graphs, 6}, {CudnnRefuses::execution, 8}}) {
    CAPTURE(rows);
    cuda_emulation::set_cudnn_refuses(what);
    CHECK(work_of({rows, 16, 40}, Precision::bf16).products == 0);
    cuda_emulation::set_cudnn_refuses(CudnnRefuses::nothing);
    CHECK(work_of({rows, 16, 40}, Precision::bf16).products == 0);  // it is not asked again
    CHECK(work_of({rows + 1, 16, 40}, Precision::bf16).products == 2);
  }
  CHECK(kernels::cudnn_use().refused == "[cudnn] a descriptor failed: refused.");
}

TEST_CASE("gemm_gelu: with SORAGRAD_CUDNN=0 cuDNN is not called") {
  const kernels::CudnnUse use = kernels::cudnn_use();
  if (use.unused.empty()) {
    MESSAGE("SKIPPED: SORAGRAD_CUDNN is not 0");
    return;
  }
  CHECK(use.unused == "SORAGRAD_CUDNN=0");
  CHECK(work_of({4, 16, 40}, Precision::bf16).products == 0);
  CHECK(kernels::cudnn_use().plans == 0);
  CHECK(kernels::cudnn_use().refused.empty());
}

TEST_CASE("gemm_gelu: an array that begins between multiples of 16 bytes goes another way") {
  const Tensor x = Tensor::zeros({2, 8}, kReal, Device::cuda);
  const Tensor weight = Tensor::zeros({64}, DType::bf16, Device::cuda);
  const Tensor bias = Tensor::zeros({9}, kReal, Device::cuda), y = Tensor::empty_like(x);
  const Tensor before = Tensor::empty_like(x);
  kernels::GemmGeluArgs args{.x = x.data(),
                             .weight = weight.raw(),
                             .bias = bias.data(),
                             .before = before.data(),
                             .y = y.data(),
                             .m = 2,
                             .n = 8,
                             .k = 8};
  CHECK(kernels::gemm_gelu(args));
  args.bias += 1;
  CHECK_FALSE(kernels::gemm_gelu(args));
  args.bias = nullptr;
  CHECK_FALSE(kernels::gemm_gelu(args));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
