#include "core/kernels/linear/gemm_gelu.h"

// A build with cuDNN replaces this file's functions by those of gemm_gelu.cu.
#ifndef SORAGRAD_WITH_CUDNN

namespace soragrad::kernels {

bool gemm_gelu(const GemmGeluArgs& /*args*/) {
  return false;
}

bool gemm_gelu_backward(const GemmGeluBackwardArgs& /*args*/) {
  return false;
}

CudnnUse cudnn_use() {
  return {};
}

}  // namespace soragrad::kernels

#endif

// SPDX-License-Identifier: Apache-2.0
