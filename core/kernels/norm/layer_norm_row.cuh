// A row of a layer normalisation in the registers of a warp, for rows of up to 1024 columns that
// can be read in pieces of 16 bytes: lane l has the columns 4 l to 4 l + 3 of each 128. All loads
// of a row are under way at once; sum, squares of the differences to the mean and result are
// computed without memory, and stores come last. One block of Philox serves four columns.
#pragma once

#include "core/kernels/cuda.cuh"
#include "core/kernels/norm/layer_norm.h"

namespace soragrad::kernels {

constexpr int kStretch = 4 * kWarp;  // columns of which each lane has four

// What a lane has of a row in registers, kFours pieces of 16 bytes.
template <int kFours>
struct LaneRow {
  Four part[kFours];

  __device__ static int column(int i) { return kStretch * i + 4 * lane_index(); }
  __device__ void load(const real* __restrict__ row, int hidden) {
#pragma unroll
    for (int i = 0; i < kFours; ++i)
      part[i] = load_fours<true>(row + column(i), hidden - column(i));
  }
  __device__ void store(real* __restrict__ row, int hidden) const {
#pragma unroll
    for (int i = 0; i < kFours; ++i)
      store_fours<true>(row + column(i), hidden - column(i), part[i]);
  }
  // Calls call(i, c) for each element that the row has.
  template <typename Call>
  __device__ static void for_each(int hidden, const Call& call) {
#pragma unroll
    for (int i = 0; i < kFours; ++i) {
      if (column(i) >= hidden) continue;
#pragma unroll
      for (int c = 0; c < 4; ++c) call(i, c);
    }
  }
  // Dropout of the row, whose first element draws word `first`.
  __device__ void drop(int hidden, const RandomStream& stream, uint64_t first, uint32_t threshold,
                       real keep_scale) {
#pragma unroll
    for (int i = 0; i < kFours; ++i) {
      if (column(i) >= hidden) continue;
      part[i] =
          dropped(part[i], stream, first + static_cast<uint64_t>(column(i)), threshold, keep_scale);
    }
  }
};

// Computes and writes a row of y, and returns it. kDropsX or kDropsY: dropout of x, or of y.
template <int kFours, bool kDropsX, bool kDropsY>
__device__ LaneRow<kFours> normalise_row(const LayerNormArgs& args, int64_t row) {
  const int hidden = static_cast<int>(args.hidden);
  const int64_t begin = row * hidden;
  const RandomStream stream = kDropsX || kDropsY ? resolved(args.stream) : RandomStream();
  LaneRow<kFours> s, other;
  s.load(kDropsX ? args.x + begin : args.row_of_x(row), hidden);
  if (args.residual) other.load(args.residual + begin, hidden);
  const auto drop = [&](LaneRow<kFours>& of_row) {
    of_row.drop(hidden, stream, static_cast<uint64_t>(begin), args.drop_threshold, args.keep_scale);
  };
  if (kDropsX) drop(s);
  real sum = 0;
  s.for_each(hidden, [&](int i, int c) {
    if (args.residual) s.part[i].at[c] += other.part[i].at[c];
    sum += s.part[i].at[c];
  });
  const real mean = warp_sum(sum) / static_cast<real>(hidden);
  real squares = 0;
  s.for_each(hidden, [&](int i, int c) {
    s.part[i].at[c] -= mean;
    squares += s.part[i].at[c] * s.part[i].at[c];
  });
  LaneRow<kFours> weight;
  weight.load(args.weight, hidden);
  other.load(args.bias, hidden);
  const real rstd = 1 / sqrt(warp_sum(squares) / static_cast<real>(hidden) + args.eps);
  s.for_each(hidden, [&](int i, int c) {
    s.part[i].at[c] *= rstd;
    other.part[i].at[c] += s.part[i].at[c] * weight.part[i].at[c];
  });
  if (kDropsY) drop(other);
  other.store(args.y + begin, hidden);
  if (args.normalised) s.store(args.normalised + begin, hidden);
  if (args.rstd && lane_index() == 0) args.rstd[row] = rstd;
  return other;
}

// Computes and writes a row of ds and dx, and returns that of dx.
template <int kFours, bool kDrops>
__device__ LaneRow<kFours> norm_gradient_of_row(const LayerNormBackwardArgs& args, int64_t row) {
  const int hidden = static_cast<int>(args.hidden);
  const int64_t begin = row * hidden;
  const RandomStream stream = kDrops ? resolved(args.stream) : RandomStream();
  LaneRow<kFours> g, normalised, weight;
  g.load(args.dy + begin, hidden);
  normalised.load(args.normalised + begin, hidden);
  weight.load(args.weight, hidden);
  const real rstd = args.rstd[row];
  real sum = 0, product = 0;
  g.for_each(hidden, [&](int i, int c) {
    g.part[i].at[c] *= weight.part[i].at[c];
    sum += g.part[i].at[c];
    product += g.part[i].at[c] * normalised.part[i].at[c];
  });
  const real mean = warp_sum(sum) / static_cast<real>(hidden);
  const real mean_product = warp_sum(product) / static_cast<real>(hidden);
  g.for_each(hidden, [&](int i, int c) {
    g.part[i].at[c] = rstd * (g.part[i].at[c] - mean - normalised.part[i].at[c] * mean_product);
  });
  g.store(args.ds + begin, hidden);
  if (!kDrops) return g;
  g.drop(hidden, stream, static_cast<uint64_t>(begin), args.drop_threshold, args.keep_scale);
  g.store(args.dx + begin, hidden);  // last: it may be ds itself
  return g;
}

// Calls call(fours) with the smallest number of pieces that kernels are compiled for and that holds
// the row, a compile-time constant. Returns false if the row is too long.
template <typename Call>
bool with_fours(int64_t hidden, const Call& call) {
  if (hidden <= kStretch) {
    call(std::integral_constant<int, 1>());
  } else if (hidden <= 3 * kStretch) {
    call(std::integral_constant<int, 3>());
  } else if (hidden <= 6 * kStretch) {
    call(std::integral_constant<int, 6>());
  } else if (hidden <= 8 * kStretch) {
    call(std::integral_constant<int, 8>());
  } else {
    return false;
  }
  return true;
}

// Calls call(fours, drops x, drops y), or call(fours, drops) for the gradients, compile-time
// constants, if rows of this norm fit into a warp's registers. Returns false otherwise.
template <typename Call>
bool with_short_rows(const LayerNormArgs& args, const Call& call) {
  if (!in_fours(args.hidden, args.x, args.residual, args.weight, args.bias, args.y,
                args.normalised)) {
    return false;
  }
  return with_fours(args.hidden, [&](auto fours) {
    with_flag(args.drop_threshold != 0, [&](auto drops) {
      if (args.residual) {
        call(fours, drops, std::false_type());
      } else {
        call(fours, std::false_type(), drops);
      }
    });
  });
}
template <typename Call>
bool with_short_rows(const LayerNormBackwardArgs& args, const Call& call) {
  if (!in_fours(args.hidden, args.dy, args.normalised, args.weight, args.ds, args.dx)) return false;
  return with_fours(args.hidden, [&](auto fours) {
    with_flag(args.dx != nullptr, [&](auto drops) { call(fours, drops); });
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
