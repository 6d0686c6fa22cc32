// Layer normalisation on the CPU. A task is about 16 Ki elements in whole rows. A row is read three
// times (sum, squares, result), but stays in the first-level cache in between; y holds s until the
// last pass. The variance comes from the differences to the mean, because the mean of squares minus
// the square of the mean would cancel.
//
// Gradients of weight and bias: a task adds its rows in order into a row of its own of `partial`;
// then the tasks' rows are added in order. Tasks depend on the shape alone, so no thread count
// changes a bit.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/norm/layer_norm.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cmath>

#include "core/integer_math.h"
#include "core/kernels/norm/layer_norm.h"
#include "core/kernels/random_words-inl.h"
#include "core/parallel.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

constexpr int64_t kWords = 1024;  // random words drawn at a time

// y = dropout(x) + residual for the n elements of one row. `first` is the number of its first
// element, which selects the random words.
inline void dropout_add(const LayerNormArgs& args, const real* HWY_RESTRICT x,
                        const real* HWY_RESTRICT residual, real* HWY_RESTRICT y, int64_t first,
                        int64_t n) {
  if (args.drop_threshold == 0) {
    for (int64_t j = 0; j < n; ++j) y[j] = x[j] + residual[j];
    return;
  }
  alignas(64) uint32_t words[kWords];
  for (int64_t begin = 0; begin < n; begin += kWords) {
    const int64_t end = std::min(n, begin + kWords);
    random_words(args.stream, static_cast<uint64_t>(first + begin), end - begin, words);
    for (int64_t j = begin; j < end; ++j) {
      const real kept = x[j] * args.keep_scale;
      y[j] = (words[j - begin] >= args.drop_threshold ? kept : real(0)) + residual[j];
    }
  }
}

// to = dropout(from) for the n elements of one row. `from` may be `to`.
inline void drop_row(const RandomStream& stream, uint32_t threshold, real keep_scale,
                     const real* from, real* to, int64_t first, int64_t n) {
  alignas(64) uint32_t words[kWords];
  for (int64_t begin = 0; begin < n; begin += kWords) {
    const int64_t end = std::min(n, begin + kWords);
    random_words(stream, static_cast<uint64_t>(first + begin), end - begin, words);
#pragma omp simd
    for (int64_t j = begin; j < end; ++j) {
      const real kept = from[j] * keep_scale;
      to[j] = words[j - begin] >= threshold ? kept : real(0);
    }
  }
}

void layer_norm_rows(const LayerNormArgs& args, int64_t begin, int64_t end) {
  const int64_t hidden = args.hidden;
  const real* HWY_RESTRICT weight = args.weight;
  const real* HWY_RESTRICT bias = args.bias;
  for (int64_t row = begin; row < end; ++row) {
    const real* HWY_RESTRICT s = args.row_of_x(row);
    real* HWY_RESTRICT y = args.y + row * hidden;
    if (args.residual) {  // y holds s until the last loop
      dropout_add(args, s, args.residual + row * hidden, y, row * hidden, hidden);
    } else {
      std::copy_n(s, hidden, y);
    }
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < hidden; ++j) sum += y[j];
    const real mean = sum / static_cast<real>(hidden);
    real squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int64_t j = 0; j < hidden; ++j) squares += (y[j] - mean) * (y[j] - mean);
    const real rstd = 1 / std::sqrt(squares / static_cast<real>(hidden) + args.eps);
    if (args.rstd) args.rstd[row] = rstd;
    if (args.normalised) {
      real* HWY_RESTRICT normalised = args.normalised + row * hidden;
      for (int64_t j = 0; j < hidden; ++j) {
        normalised[j] = (y[j] - mean) * rstd;
        y[j] = normalised[j] * weight[j] + bias[j];
      }
    } else {
      for (int64_t j = 0; j < hidden; ++j) y[j] = (y[j] - mean) * rstd * weight[j] + bias[j];
    }
    if (!args.residual && args.drop_threshold != 0) {
      drop_row(args.stream, args.drop_threshold, args.keep_scale, y, y, row * hidden, hidden);
    }
  }
}

// One row of ds, by the formula in layer_norm.h.
inline void ds_of_row(const LayerNormBackwardArgs& args, int64_t row) {
  const int64_t hidden = args.hidden;
  const real* HWY_RESTRICT dy = args.dy + row * hidden;
  const real* HWY_RESTRICT normalised = args.normalised + row * hidden;
  const real* HWY_RESTRICT weight = args.weight;
  real* HWY_RESTRICT ds = args.ds + row * hidden;
  real sum = 0, product = 0;
#pragma omp simd reduction(+ : sum, product)
  for (int64_t j = 0; j < hidden; ++j) {
    const real g = dy[j] * weight[j];
    sum += g;
    product += g * normalised[j];
  }
  const real rstd = args.rstd[row];
  const real mean = sum / static_cast<real>(hidden);
  const real mean_product = product / static_cast<real>(hidden);
  for (int64_t j = 0; j < hidden; ++j) {
    ds[j] = rstd * (dy[j] * weight[j] - mean - normalised[j] * mean_product);
  }
}

// One row of dx = dropout(ds), with the mask of forward drawn again. dx may be ds.
inline void dx_of_row(const LayerNormBackwardArgs& args, int64_t row) {
  const int64_t first = row * args.hidden;
  drop_row(args.stream, args.drop_threshold, args.keep_scale, args.ds + first, args.dx + first,
           first, args.hidden);
}

// A backward task: rows [begin, end). `partial` (2, hidden) receives the rows' sums for dweight and
// dbias; null if neither is wanted.
void layer_norm_backward_rows(const LayerNormBackwardArgs& args, int64_t begin, int64_t end,
                              real* partial) {
  const int64_t hidden = args.hidden;
  real* HWY_RESTRICT dweight = partial;
  real* HWY_RESTRICT dbias = partial + hidden;
  if (partial) std::fill_n(partial, 2 * hidden, real(0));
  for (int64_t row = begin; row < end; ++row) {
    if (args.ds) ds_of_row(args, row);
    if (args.dx) dx_of_row(args, row);
    if (!partial) continue;
    const real* HWY_RESTRICT dy = args.dy + row * hidden;
    const real* HWY_RESTRICT normalised = args.normalised + row * hidden;
    for (int64_t j = 0; j < hidden; ++j) {
      dweight[j] += dy[j] * normalised[j];
      dbias[j] += dy[j];
    }
  }
}

// Adds up partial (tasks, 2, hidden) in the order of the tasks.
void add_partials(const real* partial, int64_t tasks, int64_t hidden, const GradientTarget& dweight,
                  const GradientTarget& dbias) {
  for (const GradientTarget* place : {&dweight, &dbias}) {
    if (place->data && !place->accumulate) std::fill_n(place->data, hidden, real(0));
  }
  for (int64_t task = 0; task < tasks; ++task, partial += 2 * hidden) {
    for (int64_t j = 0; dweight.data && j < hidden; ++j) dweight.data[j] += partial[j];
    for (int64_t j = 0; dbias.data && j < hidden; ++j) dbias.data[j] += partial[hidden + j];
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(layer_norm_rows);
HWY_EXPORT(layer_norm_backward_rows);
HWY_EXPORT(add_partials);

void layer_norm_cpu(const LayerNormArgs& args) {
  parallel_chunks(args.rows, rows_of_task(kMathGrain, args.hidden),
                  [&](int64_t begin, int64_t end) {
                    HWY_DYNAMIC_DISPATCH(layer_norm_rows)(args, begin, end);
                  });
}

void layer_norm_backward_cpu(const LayerNormBackwardArgs& args) {
  const int64_t grain = rows_of_task(kMathGrain, args.hidden), tasks = ceil_div(args.rows, grain);
  const bool sums = args.dweight.data || args.dbias.data;
  Tensor partials;
  if (sums) partials = Tensor::empty({tasks, 2 * args.hidden});
  real* partial = sums ? partials.data() : nullptr;
  parallel_chunks(args.rows, grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(layer_norm_backward_rows)
    (args, begin, end, sums ? partial + begin / grain * 2 * args.hidden : nullptr);
  });
  if (!sums) return;
  HWY_DYNAMIC_DISPATCH(add_partials)(partial, tasks, args.hidden, args.dweight, args.dbias);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
