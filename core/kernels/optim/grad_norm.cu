#include "core/kernels/optim/grad_norm.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

struct Square {
  const real* x;
  __device__ double operator()(int64_t i) const {
    return static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
};

struct StoreNorm {
  GradNormArgs args;
  __device__ void operator()(double sum) const {
    *args.norm = sqrt(sum);
    *args.scale = static_cast<real>(clip_scale(*args.norm, args.max_norm));
  }
};

}  // namespace

void grad_norm_cuda(const GradNormArgs& args) {
  sum_all(Square{args.grad}, args.n, StoreNorm{args});
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
