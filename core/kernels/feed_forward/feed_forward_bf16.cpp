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

// c (rows, n) = a (rows, k) op(W) [+ c] [+ bias]
struct Product {
  const real* a;
  const std::byte* packed;
  real* c;
  int64_t rows, n, k;
  const real* bias = nullptr;
  bool accumulate = false;
};
void multiply(const Product& p) {
  gemm_bf16_cpu({.a = p.a,
                 .packed = p.packed,
                 .c = p.c,
                 .m = p.rows,
                 .n = p.n,
                 .k = p.k,
                 .accumulate = p.accumulate,
                 .bias = p.bias});
}

// dw (out, in) = dy^T x, or dw += dy^T x, of operands with all rows.
void multiply_rows(const Tensor& dy, const bfloat16* x, const GradientTarget& dw, int64_t out,
                   int64_t in, int64_t rows) {
  gemm_bf16_of_rows({.a = nullptr,
                     .packed = reinterpret_cast<const std::byte*>(x),
                     .c = dw.data,
                     .m = out,
                     .n = in,
                     .k = rows,
                     .accumulate = dw.accumulate},
                    dy.data<bfloat16>());
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
    multiply({args.x + begin * all.in, args.w1, h.data(), rows, all.wide, all.in, args.b1});
    if (args.derivative) {
      gelu_and_derivative(h.data(), active.data(), args.derivative + begin * all.wide, elements);
    } else {
      gelu_cpu({.x = h.data(), .y = active.data(), .n = elements});
    }
    if (args.active) {
      bf16_panels_part({active.data(), begin, rows, all.wide, all.rows}, args.active);
    }
    if (!args.y) return;
    real* y = args.y + begin * all.out;
    multiply({active.data(), args.w2, y, rows, all.out, all.wide, args.b2});
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
    multiply({args.dy + begin * all.out, args.w2, dh.data(), rows, all.wide, all.out});
    mul_cpu({dh.data(), args.derivative + begin * all.wide, dh.data(), rows * all.wide});
    if (args.db1.data) {
      add_column_sums(dh.data(), rows, all.wide, sums.data<double>() + begin / stripe * all.wide);
    }
    if (args.dw1.data) {
      bf16_rows_part({dh.data(), begin, rows, all.wide, all.rows}, dh_rows.data<bfloat16>());
    }
    if (args.dx.data) {
      multiply({dh.data(), args.w1, args.dx.data + begin * all.in, rows, all.in, all.wide, nullptr,
                args.dx.accumulate});
    }
  });
  if (args.db1.data) add_stripes(sums, stripes, all.wide, args.db1);
  if (args.dw1.data) {
    const Tensor panels = empty_bf16(bf16_panels_elements(all.in, all.rows));
    bf16_panels(args.x, all.rows, all.in, false, panels.data<bfloat16>());
    multiply_rows(dh_rows, panels.data<bfloat16>(), args.dw1, all.wide, all.in, all.rows);
  }
  if (args.dw2.data) {
    const Tensor dy_rows = empty_bf16(bf16_rows_elements(all.out, all.rows));
    bf16_rows(args.dy, all.out, all.rows, true, dy_rows.data<bfloat16>());
    multiply_rows(dy_rows, args.active, args.dw2, all.out, all.wide, all.rows);
  }
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
