// Products with a narrow result (u and dh, rank columns) are sums along rows of x or dy, in vectors
// along the row; those with a wide result (y, dx, dA, dB) run along its columns. u, y, dh and dx go
// by blocks of rows, which stay in the second-level cache from one product to the next; dA and dB
// by blocks of columns, each adding up all rows in order. So nothing is summed across tasks, and
// the bits do not depend on the threads.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/linear/low_rank.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include <algorithm>
#include <vector>

#include "core/kernels/linear/low_rank.h"
#include "core/kernels/linear/small_gemm-inl.h"
#include "core/kernels/linear/transpose.h"
#include "core/parallel.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// A tile of 4 x 4 sums lives in the 32 registers of AVX-512, 2 x 4 in 16.
constexpr int kDotRanks = 4;
constexpr int kDotRows = HWY_TARGET <= HWY_AVX3 ? 4 : 2;

// u[i][k] = x[i] . a[k] for Rows rows x and Ranks rows a of n elements.
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

template <int Ranks>
void dot_rows(int64_t rows, const real* x, const real* a, int64_t n, real* u, int64_t ldu) {
  for (; rows >= kDotRows; rows -= kDotRows, x += kDotRows * n, u += kDotRows * ldu) {
    dot_tile<kDotRows, Ranks>(x, a, n, u, ldu);
  }
  for (; rows > 0; --rows, x += n, u += ldu) dot_tile<1, Ranks>(x, a, n, u, ldu);
}

// u (rows, rank) = x (rows, n) a (rank, n)^T.
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

inline real scale_of(const LowRankDelta& delta, int64_t k) {
  return delta.gate ? delta.factor * delta.gate[k] : delta.factor;
}

// to = scale * from, both (rows, rank).
inline void scale_ranks(const LowRankDelta& delta, const real* from, real* to, int64_t rows) {
  for (int64_t k = 0; k < delta.rank; ++k) {
    const real scale = scale_of(delta, k);
    for (int64_t i = k; i < rows * delta.rank; i += delta.rank) to[i] = scale * from[i];
  }
}

// u and y of rows [begin, end); b_columns is B^T.
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

// dh, du and dx of rows [begin, end).
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

// Columns [begin, end) of dA.
void da_columns(const LowRankBackwardArgs& args, const real* du, int64_t begin, int64_t end) {
  const int64_t rank = args.delta.rank, in = args.delta.in;
  dense_gemm(rank, end - begin, args.rows, {du, 1, rank}, args.x + begin, in, args.da.data + begin,
             in, args.da.accumulate);
}

// Rows [begin, end) of dB, from columns of dy.
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

constexpr int64_t kRowBlock = 16;
constexpr int64_t kColumnBlock = 64;

HWY_EXPORT(forward_rows);
HWY_EXPORT(backward_rows);
HWY_EXPORT(da_columns);
HWY_EXPORT(db_rows);

Tensor b_columns(const LowRankDelta& delta) {
  Tensor result = Tensor::empty({delta.rank, delta.out});
  transpose_cpu({delta.b, result.data(), delta.out, delta.rank});
  return result;
}

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

int64_t blocks_of(const GradientTarget& place, int64_t columns) {
  return place.data ? (columns + kColumnBlock - 1) / kColumnBlock : 0;
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
  // The gate's gradient is one task, a block of columns of x or dy another.
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
