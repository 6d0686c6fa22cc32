// Row y of the grid updates segment y. Only the device knows the segments' sizes, so every row has
// the same number of blocks, whose threads go over the segment in strides of the row. A thread
// updates four successive elements at a time, of which a segment's first and last four may be
// another's in part.
#include "core/kernels/optim/adamw.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

constexpr int64_t kBlocksPerSegment = 512;

// Elements [first, first + 4) as far as they are in the segment.
template <UpdateRule rule>
__device__ void update_some(const AdamWArgs& args, const AdamWSegment& segment,
                            const AdamWConstants& c, real grad_scale, int64_t first) {
  for (int64_t i = first; i < first + 4; ++i) {
    if (i < segment.begin || i >= segment.end) continue;
    const real p =
        adamw_element<rule>(c, args.value[i], grad_scale * args.grad[i], args.m[i], args.v[i]);
    args.value[i] = apply_proximal(segment.proximal, p, c.threshold);
  }
}

template <UpdateRule rule, bool kAligned>
__device__ void update(const AdamWArgs& args, const AdamWSegment& segment,
                       const AdamWConstants& c) {
  const int64_t begin = segment.begin, end = segment.end;
  const Proximal proximal = segment.proximal;
  const real grad_scale = args.grad_scale ? *args.grad_scale : real(1);
  for (int64_t first = 4 * (begin / 4 + global_thread()); first < end;
       first += 4 * grid_threads()) {
    if (!kAligned || first < begin || first + 4 > end) {
      update_some<rule>(args, segment, c, grad_scale, first);
      continue;
    }
    Four value = load_fours<true>(args.value + first, 4);
    const Four grad = load_fours<true>(args.grad + first, 4);
    Four m = load_fours<true>(args.m + first, 4), v = load_fours<true>(args.v + first, 4);
    for (int i = 0; i < 4; ++i) {
      const real p = adamw_element<rule>(c, value.at[i], grad_scale * grad.at[i], m.at[i], v.at[i]);
      value.at[i] = apply_proximal(proximal, p, c.threshold);
    }
    store_fours<true>(args.value + first, 4, value);
    store_fours<true>(args.m + first, 4, m);
    store_fours<true>(args.v + first, 4, v);
  }
}

template <bool kAligned>
__global__ void adamw_kernel(AdamWArgs args) {
  const AdamWSegment& segment = args.segments[blockIdx.y];
  const int64_t first = 4 * (segment.begin / 4 + static_cast<int64_t>(blockIdx.x) * blockDim.x);
  if (first >= segment.end) return;
  __shared__ AdamWConstants memory;
  AdamWConstants& shared = memory;
  if (threadIdx.x == 0) shared = constants_of(segment);  // double is slow: once a block
  __syncthreads();
  const AdamWConstants c = shared;
  switch (segment.rule) {
    case UpdateRule::torch:
      return update<UpdateRule::torch, kAligned>(args, segment, c);
    case UpdateRule::hf:
      return update<UpdateRule::hf, kAligned>(args, segment, c);
    case UpdateRule::sgd:
      return update<UpdateRule::sgd, kAligned>(args, segment, c);
  }
}

}  // namespace

void adamw_cuda(const AdamWArgs& args) {
  if (args.segment_count == 0) return;
  with_flag(in_fours(0, args.value, args.grad, args.m, args.v), [&](auto aligned) {
    launch(adamw_kernel<aligned()>, dim3(kBlocksPerSegment, grid_size(args.segment_count)),
           kBlockThreads, 0, args);
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
