// The low-rank delta on the CPU. It consists of thin products in which one side has only `rank`
// elements, so a GEMM library would spend its time on copying operands.
//
// Narrow results (u and dh, `rank` columns) are dot products along rows of x or dy. A tile of 4
// rows by 4 ranks keeps 16 vectors of sums in registers and loads each vector of x once for four
// ranks. Wide results (y, dx, dA, dB) run along their columns, in tiles of small_gemm.
//
// Tasks of forward and of dh, du and dx are blocks of 16 rows: u of the block, then y, while the
// block's rows are in the second-level cache. Tasks of dA and dB are blocks of 64 columns of x or
// dy, each over all rows in order; dgate is one task. No sum crosses a task, so no thread count
// changes a bit. Each of x, y and dy is read about once per product; the arithmetic is
// 2 * rows * rank * (in + out) FLOP forward.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/low_rank.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <vector>

#include "core/integer_math.h"
#include "core/kernels/linear/low_rank.h"
#include "core/kernels/linear/small_gemm-inl.h"
#include "core/kernels/linear/transpose.h"
#include "core/parallel.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// 4 x 4 vectors of sums fit into the 32 registers of AVX-512, 2 x 4 into the 16 of AVX2.
constexpr int kDotRanks = 4;
constexpr int kDotRows = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// u[i][k] = x[i] . a[k] for Rows rows of x and Ranks rows of a, of n elements each. Lanes sum up
// every kLanes-th element; the tail is added one by one. The order does not depend on Rows or
// Ranks.
template <int Rows, int Ranks>
HWY_INLINE void dot_tile(const real* x, const real* a, int64_t n, real* u, int64_t ldu) {
  const RealTag d;
  RealVector sums[Rows][Ranks];
  for (int i = 0; i < Rows; ++i) {
    for (int k = 0; k < Ranks; ++k) sums[i][k] = hn::Zero(d);
  }
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    RealVector factors[Ranks];
    for (int k = 0; k < Ranks; ++k) factors[k] = hn::LoadU(d, a + k * n + j);
    for (int i = 0; i < Rows; ++i) {
      const RealVector row = hn::LoadU(d, x + i * n + j);
      for (int k = 0; k < Ranks; ++k) sums[i][k] = hn::MulAdd(row, factors[k], sums[i][k]);
    }
  }
  for (int i = 0; i < Rows; ++i) {
    for (int k = 0; k < Ranks; ++k) {
      real sum = hn::GetLane(hn::SumOfLanes(d, sums[i][k]));
      for (int64_t rest = j; rest < n; ++rest) sum += x[i * n + rest] * a[k * n + rest];
      u[i * ldu + k] = sum;
    }
  }
}

// The same for any number of rows; ldu is the pitch of a row of u.
template <int Ranks>
void dot_rows(int64_t rows, const real* x, const real* a, int64_t n, real* u, int64_t ldu) {
  for (; rows >= kDotRows; rows -= kDotRows, x += kDotRows * n, u += kDotRows * ldu) {
    dot_tile<kDotRows, Ranks>(x, a, n, u, ldu);
  }
  for (; rows > 0; --rows, x += n, u += ldu) dot_tile<1, Ranks>(x, a, n, u, ldu);
}

// u (rows, rank) = x (rows, n) a (rank, n)^T: ranks in groups of 4, then 2 and 1.
inline void narrow_product(int64_t rows, int64_t rank, int64_t n, const real* x, const real* a,
                           real* u) {
  int64_t k = 0;
  for (; k + kDotRanks <= rank; k += kDotRanks) {
    dot_rows<kDotRanks>(rows, x, a + k * n, n, u + k, rank);
  }
  if ((rank - k) & 2) {
    dot_rows<2>(rows, x, a + k * n, n, u + k, rank);
    k += 2;
  }
  if ((rank - k) & 1) dot_rows<1>(rows, x, a + k * n, n, u + k, rank);
}

// to = s * from, both (rows, rank).
inline void scale_ranks(const LowRankDelta& delta, const real* from, real* to, int64_t rows) {
  for (int64_t k = 0; k < delta.rank; ++k) {
    const real scale = scale_of(delta, k);
    for (int64_t i = k; i < rows * delta.rank; i += delta.rank) to[i] = scale * from[i];
  }
}

// Forward task: u and y of rows [begin, end). b_columns is B^T (rank, out).
void forward_rows(const LowRankArgs& args, const real* b_columns, int64_t begin, int64_t end) {
  const LowRankDelta& delta = args.delta;
  const int64_t rows = end - begin, rank = delta.rank;
  real* u = args.u + begin * rank;
  narrow_product(rows, rank, delta.in, args.x + begin * delta.in, delta.a, u);
  thread_local std::vector<real> h;
  h.resize(static_cast<size_t>(rows * rank));
  scale_ranks(delta, u, h.data(), rows);
  dense_gemm(rows, delta.out, rank, {h.data(), rank, 1}, b_columns, delta.out,
             args.y + begin * delta.out, delta.out, true);
}

// Backward task: dh, du and dx of rows [begin, end). dh and du are (all rows, rank).
void backward_rows(const LowRankBackwardArgs& args, const real* b_columns, real* dh, real* du,
                   int64_t begin, int64_t end) {
  const LowRankDelta& delta = args.delta;
  const int64_t rows = end - begin, rank = delta.rank;
  dh += begin * rank;
  du += begin * rank;
  narrow_product(rows, rank, delta.out, args.dy + begin * delta.out, b_columns, dh);
  scale_ranks(delta, dh, du, rows);
  if (args.dx.data) {
    dense_gemm(rows, delta.in, rank, {du, rank, 1}, delta.a, delta.in,
               args.dx.data + begin * delta.in, delta.in, args.dx.accumulate);
  }
}

// Backward task: columns [begin, end) of dA = du^T x.
void da_columns(const LowRankBackwardArgs& args, const real* du, int64_t begin, int64_t end) {
  const int64_t rank = args.delta.rank, in = args.delta.in;
  dense_gemm(rank, end - begin, args.rows, {du, 1, rank}, args.x + begin, in, args.da.data + begin,
             in, args.da.accumulate);
}

// Backward task: rows [begin, end) of dB. It computes (u^T dy) for these columns of dy, then writes
// the transpose, times s.
void db_rows(const LowRankBackwardArgs& args, int64_t begin, int64_t end) {
  const int64_t rank = args.delta.rank, out = args.delta.out, columns = end - begin;
  thread_local std::vector<real> scratch;
  scratch.resize(static_cast<size_t>(rank * columns));
  real* turned = scratch.data();  // (rank, columns)
  dense_gemm(rank, columns, args.rows, {args.u, 1, rank}, args.dy + begin, out, turned, columns,
             false);
  for (int64_t k = 0; k < rank; ++k) {
    const real scale = scale_of(args.delta, k);
    for (int64_t j = 0; j < columns; ++j) {
      args.db.write((begin + j) * rank + k, scale * turned[k * columns + j]);
    }
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {
namespace {

constexpr int64_t kRowBlock = 16;     // rows of a task: 48 KiB of x at 768 columns
constexpr int64_t kColumnBlock = 64;  // columns of a task of dA or dB

HWY_EXPORT(forward_rows);
HWY_EXPORT(backward_rows);
HWY_EXPORT(da_columns);
HWY_EXPORT(db_rows);

// B^T (rank, out): both y and dh want rows of rank.
Tensor b_columns(const LowRankDelta& delta) {
  Tensor result = Tensor::empty({delta.rank, delta.out});
  transpose_cpu({delta.b, result.data(), delta.out, delta.rank});
  return result;
}

// Summed over rows in order, in double: every token of the batch adds a term of either sign.
void dgate(const LowRankBackwardArgs& args, const real* dh) {
  const int64_t rank = args.delta.rank;
  for (int64_t k = 0; k < rank; ++k) {
    double sum = 0;
    for (int64_t i = k; i < args.rows * rank; i += rank) {
      sum += static_cast<double>(args.u[i]) * dh[i];
    }
    args.dgate.write(k, static_cast<real>(args.delta.factor * sum));
  }
}

// Tasks of a gradient; none if it is not wanted.
int64_t blocks_of(const GradientTarget& place, int64_t columns) {
  return place.data ? ceil_div(columns, kColumnBlock) : 0;
}

}  // namespace

void low_rank_cpu(const LowRankArgs& args) {
  const Tensor turned = b_columns(args.delta);
  parallel_chunks(args.rows, kRowBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(forward_rows)(args, turned.data(), begin, end);
  });
}

void low_rank_backward_cpu(const LowRankBackwardArgs& args) {
  const LowRankDelta& delta = args.delta;
  const Tensor turned = b_columns(delta);
  const Tensor dh = Tensor::empty({args.rows, delta.rank}), du = Tensor::empty_like(dh);
  parallel_chunks(args.rows, kRowBlock, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(backward_rows)(args, turned.data(), dh.data(), du.data(), begin, end);
  });
  // Task 0 is dgate, then the column blocks of dA, then those of dB.
  const int64_t a_blocks = blocks_of(args.da, delta.in), b_blocks = blocks_of(args.db, delta.out);
  parallel_for(1 + a_blocks + b_blocks, [&](int64_t task) {
    if (task == 0) {
      if (args.dgate.data) dgate(args, dh.data());
    } else if (task <= a_blocks) {
      const int64_t begin = (task - 1) * kColumnBlock, end = begin + kColumnBlock;
      HWY_DYNAMIC_DISPATCH(da_columns)(args, du.data(), begin, std::min(end, delta.in));
    } else {
      const int64_t begin = (task - 1 - a_blocks) * kColumnBlock, end = begin + kColumnBlock;
      HWY_DYNAMIC_DISPATCH(db_rows)(args, begin, std::min(end, delta.out));
    }
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
