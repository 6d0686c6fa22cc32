// Layer normalisation on a GPU. A warp owns a row, a block has four warps.
//
// Rows of up to 1024 columns that can be read in pieces of 16 bytes are held in registers: lane l
// has the columns 4 l to 4 l + 3 of each 128. All loads of a row are under way at once; sum,
// squares of the differences to the mean and result are computed without memory, and stores come
// last. One block of Philox serves four columns. Other rows are read again in each pass.
//
// Sums over the row are a lane's own sum, then a butterfly over the warp. Gradients of weight and
// bias are sums over rows in double (cuda.cuh: sum_columns). There are no atomics and the order
// depends on the shape alone, so two runs give the same bits.
#include "core/kernels/norm/layer_norm.h"

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

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

template <int kFours, bool kDrops>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp) short_rows_kernel(LayerNormArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
  const int hidden = static_cast<int>(args.hidden);
  const int64_t begin = row * hidden;
  const RandomStream stream = kDrops ? resolved(args.stream) : RandomStream();
  LaneRow<kFours> s, other;
  s.load(args.x + begin, hidden);
  if (args.residual) other.load(args.residual + begin, hidden);
  if (kDrops) {
    s.drop(hidden, stream, static_cast<uint64_t>(begin), args.drop_threshold, args.keep_scale);
  }
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
  other.store(args.y + begin, hidden);
  if (args.normalised) s.store(args.normalised + begin, hidden);
  if (args.rstd && lane_index() == 0) args.rstd[row] = rstd;
}

// Any row; y holds s until the last pass, and lanes return to the elements that they wrote
// themselves.
__global__ void any_rows_kernel(LayerNormArgs args) {
  const int64_t row = global_warp(), hidden = args.hidden;
  if (row >= args.rows) return;
  const RandomStream stream = resolved(args.stream);
  const real* x = args.x + row * hidden;
  real* y = args.y + row * hidden;
  real sum = 0;
  for (int64_t j = lane_index(); j < hidden; j += kWarp) {
    const int64_t i = row * hidden + j;
    real s = x[j];
    if (args.drop_threshold != 0 && args.residual) {
      s = dropped(s, stream, static_cast<uint64_t>(i), args.drop_threshold, args.keep_scale);
    }
    if (args.residual) s += args.residual[i];
    y[j] = s;
    sum += s;
  }
  const real mean = warp_sum(sum) / static_cast<real>(hidden);
  real squares = 0;
  for (int64_t j = lane_index(); j < hidden; j += kWarp) squares += (y[j] - mean) * (y[j] - mean);
  const real rstd = 1 / sqrt(warp_sum(squares) / static_cast<real>(hidden) + args.eps);
  if (args.rstd && lane_index() == 0) args.rstd[row] = rstd;
  for (int64_t j = lane_index(); j < hidden; j += kWarp) {
    const real normalised = (y[j] - mean) * rstd;
    if (args.normalised) args.normalised[row * hidden + j] = normalised;
    y[j] = normalised * args.weight[j] + args.bias[j];
  }
}

template <int kFours, bool kDrops>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    short_rows_backward_kernel(LayerNormBackwardArgs args) {
  const int64_t row = global_warp();
  if (row >= args.rows) return;
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
  if (!kDrops) return;
  g.drop(hidden, stream, static_cast<uint64_t>(begin), args.drop_threshold, args.keep_scale);
  g.store(args.dx + begin, hidden);  // last: it may be ds itself
}

__global__ void any_rows_backward_kernel(LayerNormBackwardArgs args) {
  const int64_t row = global_warp(), hidden = args.hidden;
  if (row >= args.rows) return;
  const RandomStream stream = resolved(args.stream);
  const real* dy = args.dy + row * hidden;
  const real* normalised = args.normalised + row * hidden;
  real sum = 0, product = 0;
  for (int64_t j = lane_index(); j < hidden; j += kWarp) {
    const real g = dy[j] * args.weight[j];
    sum += g;
    product += g * normalised[j];
  }
  const real mean = warp_sum(sum) / static_cast<real>(hidden);
  const real mean_product = warp_sum(product) / static_cast<real>(hidden);
  const real rstd = args.rstd[row];
  for (int64_t j = lane_index(); j < hidden; j += kWarp) {
    const int64_t i = row * hidden + j;
    const real ds = rstd * (dy[j] * args.weight[j] - mean - normalised[j] * mean_product);
    args.ds[i] = ds;
    if (args.dx) {  // last: it may be ds itself
      args.dx[i] =
          dropped(ds, stream, static_cast<uint64_t>(i), args.drop_threshold, args.keep_scale);
    }
  }
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

// Terms of the sums over rows: dweight's and dbias's.
struct WeightTerm {
  const real* dy;
  const real* normalised;
  int64_t hidden;
  __device__ double operator()(int64_t row, int64_t column) const {
    const int64_t i = row * hidden + column;
    return static_cast<double>(dy[i]) * static_cast<double>(normalised[i]);
  }
};

struct BiasTerm {
  const real* dy;
  int64_t hidden;
  __device__ double operator()(int64_t row, int64_t column) const {
    return dy[row * hidden + column];
  }
};

}  // namespace

void layer_norm_cuda(const LayerNormArgs& args) {
  const bool aligned =
      in_fours(args.hidden, args.x, args.residual, args.weight, args.bias, args.y, args.normalised);
  const auto launch_short = [&](auto fours) {
    with_flag(args.residual && args.drop_threshold != 0, [&](auto drops) {
      launch_rows(short_rows_kernel<fours(), drops()>, args.rows, args);
    });
  };
  if (aligned && with_fours(args.hidden, launch_short)) return;
  launch_rows(any_rows_kernel, args.rows, args);
}

void layer_norm_backward_cuda(const LayerNormBackwardArgs& args) {
  const bool aligned =
      in_fours(args.hidden, args.dy, args.normalised, args.weight, args.ds, args.dx);
  const auto launch_short = [&](auto fours) {
    with_flag(args.dx != nullptr, [&](auto drops) {
      launch_rows(short_rows_backward_kernel<fours(), drops()>, args.rows, args);
    });
  };
  if (args.ds && !(aligned && with_fours(args.hidden, launch_short))) {
    launch_rows(any_rows_backward_kernel, args.rows, args);
  }
  if (args.dweight.data) {
    sum_columns(WeightTerm{args.dy, args.normalised, args.hidden}, args.rows, args.hidden,
                args.dweight);
  }
  if (args.dbias.data) {
    sum_columns(BiasTerm{args.dy, args.hidden}, args.rows, args.hidden, args.dbias);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
