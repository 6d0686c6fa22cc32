#include "core/kernels/feed_forward/feed_forward_bf16.h"

#include <algorithm>

#include "core/integer_math.h"
#include "core/kernels/elementwise/arithmetic.h"
#include "core/kernels/elementwise/unary.h"
#include "core/kernels/linear/bf16_operands.h"
#include "core/kernels/linear/column_sum.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace soragrad::kernels {
namespace {

// Most rows of a stripe: at a width of 768, two wide arrays and their operands take 1 MB.
constexpr int64_t kStripeRows = 128;

// Stripes of about equal size; their number depends on the shape alone. They begin at whole tiles,
// as the parts of an operand do.
int64_t stripe_rows(int64_t rows) {
  const int64_t stripes = std::max<int64_t>(1, ceil_div(rows, kStripeRows));
  return round_up(ceil_div(rows, stripes), kTileDepthBf16);
}

Tensor empty_bf16(int64_t elements) {
  return Tensor::empty({elements}, DType::bf16);
}

// Adds up the stripes' sums (stripes, wide).
void add_stripes(const Tensor& sums, int64_t stripes, int64_t wide, const GradientTarget& db) {
  const double* of_stripe = sums.data<double>();
  for (int64_t i = 0; i < wide; ++i) {
    double sum = 0;
    for (int64_t s = 0; s < stripes; ++s) sum += of_stripe[s * wide + i];
    db.write(i, static_cast<real>(sum));
  }
}

}  // namespace

bool has_feed_forward_bf16() {
  return bf16_way() != Bf16Way::rounded;
}

void feed_forward_bf16_cpu(const FeedForwardBf16Args& args) {
  const FeedForwardSizes& all = args.sizes;
  parallel_chunks(all.rows, stripe_rows(all.rows), [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin, elements = rows * all.wide;
    const Tensor h = Tensor::empty({rows, all.wide}), active = Tensor::empty_like(h);
    gemm_bf16_cpu({.a = args.x + begin * all.in,
                   .packed = args.w1,
                   .c = h.data(),
                   .m = rows,
                   .n = all.wide,
                   .k = all.in,
                   .bias = args.b1});
    if (args.derivative) {
      gelu_and_derivative(h.data(), active.data(), args.derivative + begin * all.wide, elements);
    } else {
      gelu_cpu({.x = h.data(), .y = active.data(), .n = elements});
    }
    if (args.active) {
      bf16_panels_part({active.data(), begin, rows, all.wide, all.rows}, args.active);
    }
    if (!args.y) return;
    gemm_bf16_cpu({.a = active.data(),
                   .packed = args.w2,
                   .c = args.y + begin * all.out,
                   .m = rows,
                   .n = all.out,
                   .k = all.wide,
                   .bias = args.b2});
  });
}

void feed_forward_backward_bf16_cpu(const FeedForwardBackwardBf16Args& args) {
  const FeedForwardSizes& all = args.sizes;
  const int64_t stripe = stripe_rows(all.rows), stripes = ceil_div(all.rows, stripe);
  const Tensor sums = args.db1.data ? Tensor::zeros({stripes, all.wide}, DType::f64) : Tensor();
  const Tensor dh_rows =
      args.dw1.data ? empty_bf16(bf16_rows_elements(all.wide, all.rows)) : Tensor();
  parallel_chunks(all.rows, stripe, [&](int64_t begin, int64_t end) {
    const int64_t rows = end - begin;
    const Tensor dh = Tensor::empty({rows, all.wide});
    gemm_bf16_cpu({.a = args.dy + begin * all.out,
                   .packed = args.w2,
                   .c = dh.data(),
                   .m = rows,
                   .n = all.wide,
                   .k = all.out});
    mul_cpu({dh.data(), args.derivative + begin * all.wide, dh.data(), rows * all.wide});
    if (args.db1.data) {
      add_column_sums(dh.data(), rows, all.wide, sums.data<double>() + begin / stripe * all.wide);
    }
    if (args.dw1.data) {
      bf16_rows_part({dh.data(), begin, rows, all.wide, all.rows}, dh_rows.data<bfloat16>());
    }
    if (args.dx.data) {
      gemm_bf16_cpu({.a = dh.data(),
                     .packed = args.w1,
                     .c = args.dx.data + begin * all.in,
                     .m = rows,
                     .n = all.in,
                     .k = all.wide,
                     .accumulate = args.dx.accumulate});
    }
  });
  if (args.db1.data) add_stripes(sums, stripes, all.wide, args.db1);
  if (args.dw1.data) {
    const Tensor panels = empty_bf16(bf16_panels_elements(all.in, all.rows));
    bf16_panels(args.x, all.rows, all.in, false, panels.data<bfloat16>());
    const WeightGradientBf16Args of_w1{.dy = nullptr,
                                       .x = nullptr,
                                       .dw = args.dw1.data,
                                       .rows = all.rows,
                                       .out = all.wide,
                                       .in = all.in,
                                       .accumulate = args.dw1.accumulate};
    weight_gradient_of_operands(of_w1, dh_rows.data<bfloat16>(), panels.data<bfloat16>());
  }
  if (args.dw2.data) {
    const Tensor dy_rows = empty_bf16(bf16_rows_elements(all.out, all.rows));
    bf16_rows(args.dy, all.out, all.rows, true, dy_rows.data<bfloat16>());
    const WeightGradientBf16Args of_w2{.dy = nullptr,
                                       .x = nullptr,
                                       .dw = args.dw2.data,
                                       .rows = all.rows,
                                       .out = all.out,
                                       .in = all.wide,
                                       .accumulate = args.dw2.accumulate};
    weight_gradient_of_operands(of_w2, dy_rows.data<bfloat16>(), args.active);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
