// Layer normalisation on a GPU. A warp owns a row, a block has four warps.
//
// Short rows are held in registers (layer_norm_row.cuh). Other rows are read again in each pass.
//
// Sums over the row are a lane's own sum, then a butterfly over the warp. Gradients of weight and
// bias are sums over rows in double (grid_sums.cuh: sum_columns). Their order depends on the shape
// alone, so two runs give the same bits.
#include "core/kernels/norm/layer_norm.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/grid_sums.cuh"
#include "core/kernels/norm/layer_norm_row.cuh"

namespace soragrad::kernels {
namespace {

template <int kFours, bool kDropsX, bool kDropsY>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp) short_rows_kernel(LayerNormArgs args) {
  const int64_t row = global_warp();
  if (row < args.rows) normalise_row<kFours, kDropsX, kDropsY>(args, row);
}

// Any row; y holds s until the last pass, and lanes return to the elements that they wrote
// themselves.
__global__ void any_rows_kernel(LayerNormArgs args) {
  const int64_t row = global_warp(), hidden = args.hidden;
  if (row >= args.rows) return;
  const RandomStream stream = resolved(args.stream);
  const real* x = args.row_of_x(row);
  real* y = args.y + row * hidden;
  const auto drop = [&](real number, int64_t i) {
    return dropped(number, stream, static_cast<uint64_t>(i), args.drop_threshold, args.keep_scale);
  };
  const bool drops_x = args.drop_threshold != 0 && args.residual;
  const bool drops_y = args.drop_threshold != 0 && !args.residual;
  real sum = 0;
  for (int64_t j = lane_index(); j < hidden; j += kWarp) {
    const int64_t i = row * hidden + j;
    real s = drops_x ? drop(x[j], i) : x[j];
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
    const real shifted = normalised * args.weight[j] + args.bias[j];
    y[j] = drops_y ? drop(shifted, row * hidden + j) : shifted;
  }
}

template <int kFours, bool kDrops>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarp)
    short_rows_backward_kernel(LayerNormBackwardArgs args) {
  const int64_t row = global_warp();
  if (row < args.rows) norm_gradient_of_row<kFours, kDrops>(args, row);
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
  const bool short_rows = with_short_rows(args, [&](auto fours, auto drops_x, auto drops_y) {
    launch_rows(short_rows_kernel<fours(), drops_x(), drops_y()>, args.rows, args);
  });
  if (!short_rows) launch_rows(any_rows_kernel, args.rows, args);
}

void layer_norm_backward_cuda(const LayerNormBackwardArgs& args) {
  const auto launch_short = [&](auto fours, auto drops) {
    launch_rows(short_rows_backward_kernel<fours(), drops()>, args.rows, args);
  };
  if (args.ds && !with_short_rows(args, launch_short)) {
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
