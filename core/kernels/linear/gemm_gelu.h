// The two bf16 products around a GELU, each in one kernel: cuDNN has what cuBLASLt lacks, the exact
// GELU (erf) and its derivative behind a product. Both operands are rounded to bf16, as in
// gemm_bf16.h; all else in memory, every sum and the GELU are fp32.
//
// Functions return false, and do nothing, if there is no such kernel: in a build without cuDNN, for
// sizes n or k that are no multiples of 8, for arrays that do not begin at a multiple of 16 bytes,
// with SORAGRAD_CUDNN=0 in the environment, and if cuDNN is not found, does not start, has no
// kernel for the shape or refuses to run it. The caller then takes gemm_bf16 and gelu.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/dtype.h"

namespace soragrad::kernels {

// Operands that need no rounding, in place of x or dy, and of the weight.
struct GemmGeluOperands {
  const bfloat16* a = nullptr;        // (m, k); null: x or dy is rounded, and weight is read
  const bfloat16* weights = nullptr;  // as weight
  int64_t pitch = 0;                  // elements from one row of the weights to the next
};

// before = x W^T + bias,  y = gelu(before). On the GPU, as all pointers are.
struct GemmGeluArgs {
  const real* x;            // (m, k)
  const std::byte* weight;  // W (n, k), as pack_bf16 leaves it
  const real* bias;         // (n); null: no such kernel
  real* before;             // (m, n)
  real* y;                  // (m, n)
  int64_t m, n, k;
  GemmGeluOperands ready = {};
};
// dbefore = (sum + dy W) gelu'(before)
struct GemmGeluBackwardArgs {
  const real* dy;           // (m, k)
  const std::byte* weight;  // W (k, n), as pack_bf16 leaves it
  const real* sum;          // (m, n) or null
  const real* before;       // (m, n)
  real* dbefore;            // (m, n); no other of these arrays
  int64_t m, n, k;
  GemmGeluOperands ready = {};
};

bool gemm_gelu(const GemmGeluArgs& args);
bool gemm_gelu_backward(const GemmGeluBackwardArgs& args);

// What this process has of cuDNN.
struct CudnnUse {
  std::string version;      // of the library that runs, "9.19.0"; empty without one
  std::string unused;       // why it is not called; empty in a build without cuDNN
  std::string refused;      // what it refused first
  int64_t plans = 0;        // made so far
  double plan_seconds = 0;  // that this took, with the kernels that it compiled
};
CudnnUse cudnn_use();

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
