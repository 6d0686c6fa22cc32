// Block y of the grid is a segment, whose size only the device knows: its blocks stride over it.
#include "core/kernels/optim/adamw.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int64_t kBlocksPerSegment = 128;

// The segment's settings in the precision of the update, as the CPU rounds them.
struct Settings {
  real beta1, beta2, new1, new2, lr, keep, root2, step, eps, threshold;
};

__device__ Settings settings_of(const AdamWSegment& segment) {
  const double root2 = sqrt(segment.correction2);
  return {static_cast<real>(segment.beta1),
          static_cast<real>(segment.beta2),
          static_cast<real>(1 - segment.beta1),
          static_cast<real>(1 - segment.beta2),
          static_cast<real>(segment.lr),
          static_cast<real>(1 - segment.lr * segment.weight_decay),
          static_cast<real>(root2),
          static_cast<real>(segment.lr / segment.correction1 *
                            (segment.rule == UpdateRule::hf ? root2 : 1.0)),
          static_cast<real>(segment.eps),
          static_cast<real>(segment.threshold)};
}

__global__ void adamw_kernel(AdamWArgs args) {
  const AdamWSegment& segment = args.segments[blockIdx.y];
  if (segment.begin + static_cast<int64_t>(blockIdx.x) * blockDim.x >= segment.end) return;
  __shared__ Settings shared;
  if (threadIdx.x == 0) shared = settings_of(segment);  // double is slow: once a block
  __syncthreads();
  const Settings s = shared;
  const real grad_scale = args.grad_scale ? *args.grad_scale : real(1);
  for (int64_t i = segment.begin + global_thread(); i < segment.end; i += grid_threads()) {
    const real g = grad_scale * args.grad[i];
    real p = args.value[i];
    if (segment.rule == UpdateRule::sgd) {
      p = p * s.keep - s.lr * g;
    } else {
      const real m = s.beta1 * args.m[i] + s.new1 * g;
      const real v = s.beta2 * args.v[i] + s.new2 * g * g;
      args.m[i] = m;
      args.v[i] = v;
      if (segment.rule == UpdateRule::torch) {
        p = p * s.keep - s.step * m / (sqrt(v) / s.root2 + s.eps);
      } else {
        p = (p - s.step * m / (sqrt(v) + s.eps)) * s.keep;
      }
    }
    args.value[i] = apply_proximal(segment.proximal, p, s.threshold);
  }
}

}  // namespace

void adamw_cuda(const AdamWArgs& args) {
  if (args.segment_count == 0) return;
  launch(adamw_kernel, dim3(kBlocksPerSegment, grid_size(args.segment_count)), kBlockThreads, 0,
         args);
}

}  // namespace soragrad::kernels
