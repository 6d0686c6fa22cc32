#include "cli/version.h"

#include <fmt/format.h>

#include "core/cuda_runtime.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_gelu.h"
#include "train/loop/mpi.h"
#include "train/loop/nccl.h"

// Set by cmake/Version.cmake for this file alone.
#ifndef SORAGRAD_VERSION
#define SORAGRAD_VERSION "unknown"
#endif
#ifndef SORAGRAD_COMMIT
#define SORAGRAD_COMMIT "unknown"
#endif

namespace soragrad::cli {

train::Version version() {
  return {SORAGRAD_VERSION, SORAGRAD_COMMIT};
}

namespace {

// ", cudnn 9.19.0", or why there is none; empty in a build without cuDNN.
std::string cudnn_text() {
  const kernels::CudnnUse use = kernels::cudnn_use();
  if (use.version.empty() && use.unused.empty()) return "";
  const std::string reason = use.unused.empty() ? "" : fmt::format("(not used: {})", use.unused);
  return fmt::format(", cudnn {}{}{}", use.version,
                     use.version.empty() || reason.empty() ? "" : " ", reason);
}

}  // namespace

std::string version_text() {
  const std::string architectures = cuda::architectures();
  const bool has_cuda = !architectures.empty();
  return fmt::format(
      "soragrad {}\ncommit {}\nbackends cpu{}{}{}{}\nGPU architectures {}\nbf16 on this CPU {}",
      SORAGRAD_VERSION, SORAGRAD_COMMIT, has_cuda ? ", cuda" : "", cudnn_text(),
      train::has_mpi() ? ", mpi" : "", train::has_nccl() ? ", nccl" : "",
      has_cuda ? architectures : "none", kernels::bf16_way_text());
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
