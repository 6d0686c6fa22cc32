// A warp a sequence and 32 columns, so that the sum over a sequence has one writer.
#include "core/kernels/rows/first_token.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

// Rows [begin, end) and the column of this thread; false where there is none. Sequence number
// `sequences` stands for the idle rows past the last one.
struct Strip {
  int64_t sequence, begin, end, column;
};
__device__ bool find_strip(const int64_t* offsets, int64_t sequences, int64_t tokens,
                           int64_t hidden, Strip& strip) {
  const int64_t slices = ceil_div(hidden, kWarp);
  strip.sequence = global_warp() / slices;
  strip.column = global_warp() % slices * kWarp + lane_index();
  if (strip.sequence > sequences || strip.column >= hidden) return false;
  strip.begin = offsets[strip.sequence];
  strip.end = strip.sequence < sequences ? offsets[strip.sequence + 1] : tokens;
  return strip.begin < strip.end;
}

__global__ void add_first_token_kernel(AddFirstTokenArgs args) {
  Strip strip;
  if (!find_strip(args.offsets, args.sequences, args.tokens, args.hidden, strip)) return;
  const bool idle = strip.sequence == args.sequences;
  const real first = args.x[strip.begin * args.hidden + strip.column];
  for (int64_t i = strip.begin; i < strip.end; ++i) {
    const int64_t place = i * args.hidden + strip.column;
    args.y[place] = idle ? real(0) : args.x[place] + first;
  }
}

__global__ void add_first_token_backward_kernel(AddFirstTokenBackwardArgs args) {
  Strip strip;
  if (!find_strip(args.offsets, args.sequences, args.tokens, args.hidden, strip)) return;
  const bool idle = strip.sequence == args.sequences;
  real first = args.dy[strip.begin * args.hidden + strip.column];
  for (int64_t i = strip.begin; i < strip.end; ++i) {
    const int64_t place = i * args.hidden + strip.column;
    args.dx[place] = idle ? real(0) : args.dy[place];
    first += args.dy[place];
  }
  if (!idle) args.dx[strip.begin * args.hidden + strip.column] = first;
}

int64_t warps(int64_t sequences, int64_t hidden) {
  return (sequences + 1) * ceil_div(hidden, kWarp);
}

}  // namespace

void add_first_token_cuda(const AddFirstTokenArgs& args) {
  launch_rows(add_first_token_kernel, warps(args.sequences, args.hidden), args);
}

void add_first_token_backward_cuda(const AddFirstTokenBackwardArgs& args) {
  launch_rows(add_first_token_backward_kernel, warps(args.sequences, args.hidden), args);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
