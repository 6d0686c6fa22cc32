// A thread an element; two sums, of losses and of hits.
#include "core/kernels/loss/binary_cross_entropy.h"

#include "core/kernels/grid_sums.cuh"

namespace soragrad::kernels {
namespace {

struct LossTerm {
  const real* logits;
  const real* targets;
  __device__ double operator()(int64_t i) const { return binary_loss(logits[i], targets[i]); }
};

struct HitTerm {
  const real* logits;
  const real* targets;
  __device__ double operator()(int64_t i) const {
    return binary_hit(logits[i], targets[i]) ? 1.0 : 0.0;
  }
};

struct StoreQuotient {
  real* y;
  int64_t n;
  __device__ void operator()(double sum) const {
    *y = static_cast<real>(sum / static_cast<double>(n));
  }
};

__global__ void binary_cross_entropy_backward_kernel(BinaryCrossEntropyBackwardArgs args) {
  const int64_t i = global_thread();
  if (i >= args.n) return;
  const double factor = static_cast<double>(*args.dloss) / static_cast<double>(args.n);
  args.dlogits[i] = static_cast<real>(factor * binary_slope(args.logits[i], args.targets[i]));
}

}  // namespace

void binary_cross_entropy_cuda(const BinaryCrossEntropyArgs& args) {
  sum_all(LossTerm{args.logits, args.targets}, args.n, StoreQuotient{args.loss, args.n});
  sum_all(HitTerm{args.logits, args.targets}, args.n, StoreQuotient{args.hits, 1});
}

void binary_cross_entropy_backward_cuda(const BinaryCrossEntropyBackwardArgs& args) {
  launch_elements(binary_cross_entropy_backward_kernel, args.n, args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
