// Row y of the grid updates segment y. Only the device knows the segments' sizes, so every row has
// the same number of blocks, whose threads go over the segment in strides of the row.
#include "core/kernels/optim/adamw.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int64_t kBlocksPerSegment = 128;

template <UpdateRule rule>
__device__ void update(const AdamWArgs& args, const AdamWSegment& segment,
                       const AdamWConstants& c) {
  const real grad_scale = args.grad_scale ? *args.grad_scale : real(1);
  for (int64_t i = segment.begin + global_thread(); i < segment.end; i += grid_threads()) {
    const real p =
        adamw_element<rule>(c, args.value[i], grad_scale * args.grad[i], args.m[i], args.v[i]);
    args.value[i] = apply_proximal(segment.proximal, p, c.threshold);
  }
}

__global__ void adamw_kernel(AdamWArgs args) {
  const AdamWSegment& segment = args.segments[blockIdx.y];
  if (segment.begin + static_cast<int64_t>(blockIdx.x) * blockDim.x >= segment.end) return;
  __shared__ AdamWConstants shared;
  if (threadIdx.x == 0) shared = constants_of(segment);  // double is slow: once a block
  __syncthreads();
  const AdamWConstants c = shared;
  switch (segment.rule) {
    case UpdateRule::torch:
      return update<UpdateRule::torch>(args, segment, c);
    case UpdateRule::hf:
      return update<UpdateRule::hf>(args, segment, c);
    case UpdateRule::sgd:
      return update<UpdateRule::sgd>(args, segment, c);
  }
}

}  // namespace

void adamw_cuda(const AdamWArgs& args) {
  if (args.segment_count == 0) return;
  launch(adamw_kernel, dim3(kBlocksPerSegment, grid_size(args.segment_count)), kBlockThreads, 0,
         args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
