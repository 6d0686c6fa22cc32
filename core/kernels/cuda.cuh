// What CUDA kernels share: thread indices, launches with a thread per element or a warp per row,
// accesses of 16 bytes, sums over a warp and a block (grid_sums.cuh: over all blocks), and random
// words.
//
// Every sum has one order, which depends on the sizes alone: two runs give the same bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/dtype.h"
#include "core/host_device.h"
#include "core/integer_math.h"
#include "core/kernels/gradient_target.h"
#include "core/rng.h"
#include "core/tensor.h"
#ifdef SORAGRAD_CUDA_EMULATION
#include SORAGRAD_CUDA_EMULATION  // tests only: a header that defines CUDA's names on the host
#else
#include "core/kernels/cuda_launch.cuh"
#endif

namespace soragrad::kernels {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int kWarpsPerBlock = 4;   // kernels with a warp per row
constexpr int kBlockThreads = 256;  // kernels with a thread per element, and sums

constexpr unsigned grid_size(int64_t blocks) {
  return static_cast<unsigned>(blocks);
}

// -- Thread indices -------------------------------------------------------------------------------
__device__ inline int64_t global_thread() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t grid_threads() {
  return static_cast<int64_t>(gridDim.x) * blockDim.x;
}
__device__ inline int64_t global_warp() {
  return global_thread() / kWarp;
}
__device__ inline int lane_index() {
  return static_cast<int>(threadIdx.x % kWarp);
}

// Launches a thread for each of n elements, rounded up to whole blocks: the kernel checks its
// index.
template <typename Kernel, typename... Args>
void launch_elements(Kernel kernel, int64_t n, const Args&... args) {
  if (n == 0) return;
  launch(kernel, grid_size(ceil_div(n, kBlockThreads)), kBlockThreads, 0, args...);
}

// Launches a warp for each of n rows, rounded up to whole blocks: the kernel checks its row. The
// check holds for whole warps, so the warp operations after it are safe.
template <typename Kernel, typename... Args>
void launch_rows(Kernel kernel, int64_t n, const Args&... args) {
  if (n == 0) return;
  launch(kernel, grid_size(ceil_div(n, kWarpsPerBlock)), kWarpsPerBlock * kWarp, 0, args...);
}

// -- Accesses of 16 bytes -------------------------------------------------------------------------
// A thread that waits for memory waits as long for 16 bytes as for 4. Kernels therefore load all
// that a step needs in pieces of 16 bytes, compute, and store last: a store before a load would
// make the load wait, because the compiler cannot know that the two places differ.
struct alignas(16) Four {
  real at[4];
};

// True if rows of n numbers that begin at these pointers can be read and written 16 bytes at a
// time. Launchers ask it once and choose a kernel for aligned rows or one for all others.
template <typename... Pointers>
bool in_fours(int64_t n, Pointers... pointers) {
  return n % 4 == 0 && (... && (reinterpret_cast<uintptr_t>(pointers) % sizeof(Four) == 0));
}

// x[0] to x[3]; zeros from x[count] on. If kAligned, count is at most 0 or at least 4.
template <bool kAligned>
__device__ Four load_fours(const real* x, int64_t count) {
  if constexpr (kAligned) {
    return count > 0 ? *reinterpret_cast<const Four*>(x) : Four{};
  } else {
    Four four{};
    for (int c = 0; c < 4; ++c) four.at[c] = c < count ? x[c] : real(0);
    return four;
  }
}
template <bool kAligned>
__device__ void store_fours(real* x, int64_t count, const Four& four) {
  if constexpr (kAligned) {
    if (count > 0) *reinterpret_cast<Four*>(x) = four;
  } else {
    for (int c = 0; c < 4 && c < count; ++c) x[c] = four.at[c];
  }
}

// Calls choose(std::true_type) or choose(std::false_type): a kernel's template argument.
template <typename Choose>
void with_flag(bool flag, const Choose& choose) {
  if (flag) {
    choose(std::true_type());
  } else {
    choose(std::false_type());
  }
}

// Launches a thread for every four of n elements.
template <typename Kernel, typename... Args>
void launch_fours(Kernel kernel, int64_t n, const Args&... args) {
  launch_elements(kernel, ceil_div(n, 4), args...);
}

// -- Sums -----------------------------------------------------------------------------------------
// Sum over the 32 lanes of a warp by a butterfly. All lanes take part and get the same bits.
template <typename T>
__device__ T warp_sum(T x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(kAllLanes, x, offset);
  }
  return x;
}

// Maximum over the 32 lanes of a warp; every lane gets it.
template <typename T>
__device__ T warp_max(T x) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const T other = __shfl_xor_sync(kAllLanes, x, offset);
    x = other > x ? other : x;
  }
  return x;
}

// Sums over kLanes neighbouring lanes of kCount numbers each, a multiple or a divisor of kLanes:
// lane l of them gets the totals l kCount / kLanes and on, in x[0] and on. Halves of the numbers
// change hands at each step until one is left, so it takes fewer shuffles than five a number.
template <int kLanes = kWarp, int kCount>
__device__ void warp_sums(real (&x)[kCount]) {
  int count = kCount;
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) {
    if (count == 1) {
      x[0] += __shfl_xor_sync(kAllLanes, x[0], offset);
      continue;
    }
    const bool upper = lane_index() & offset;
    count /= 2;
#pragma unroll
    for (int i = 0; i < kCount / 2; ++i) {
      if (i >= count) continue;
      const real given = upper ? x[i] : x[i + count];
      const real kept = upper ? x[i + count] : x[i];
      x[i] = kept + __shfl_xor_sync(kAllLanes, given, offset);
    }
  }
}

// Sum over the threads of a block, which has whole warps. All threads take part and get the same
// bits: first each warp's sum, then the sum of those.
template <typename T>
__device__ T block_sum(T x) {
  __shared__ T parts[kWarp];
  x = warp_sum(x);
  __syncthreads();  // a previous call may still read `parts`
  if (lane_index() == 0) parts[threadIdx.x / kWarp] = x;
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  return warp_sum(lane_index() < warps ? parts[lane_index()] : T(0));
}

// -- Random words ---------------------------------------------------------------------------------
// The stream with the number of its pass read from memory, if it is there. Kernels call it once,
// before they draw.
__device__ inline RandomStream resolved(RandomStream stream) {
  if (stream.step_at) stream.step = *stream.step_at;
  stream.step_at = nullptr;
  return stream;
}

// Inverted dropout of four elements that begin at element `first` of the stream, a multiple of 4:
// x keep_scale if the element's word is at least drop_threshold, else 0.
__device__ inline Four dropped(const Four& x, const RandomStream& stream, uint64_t first,
                               uint32_t drop_threshold, real keep_scale) {
  const Philox4 words = philox(stream, first / 4);
  Four y;
  for (int c = 0; c < 4; ++c) {
    y.at[c] = words.bits[c] >= drop_threshold ? x.at[c] * keep_scale : real(0);
  }
  return y;
}

// Inverted dropout of element `index` alone.
__device__ inline real dropped(real x, const RandomStream& stream, uint64_t index,
                               uint32_t drop_threshold, real keep_scale) {
  const Philox4 words = philox(stream, index / 4);
  const unsigned place = static_cast<unsigned>(index % 4);
  const uint32_t word = place < 2 ? words.bits[place == 0 ? 0 : 1] : words.bits[place == 2 ? 2 : 3];
  return word >= drop_threshold ? x * keep_scale : real(0);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
