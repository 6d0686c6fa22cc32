// Attention backward on tensor cores: the products. The formulas are those of
// attention_backward.cu; attention_gradients.cuh has the plan, attention_bf16_scores.cu the first
// launch. A warp's left operand is read from a tile of p or ds in shared memory: as stored,
// transposed, or skewed. A tile that is skewed has a column for each distance i - j = m - 32, a row
// for each query or for each key, and zeros where the tile has no such pair. With n = m - 1, row n
// of a table is the tile's distance n - 31:
//   dv_j   = sum over i of p(i, j) dy_i
//   dq_i   = sum over j of ds(i, j) k_j  +  sum over m of by_query(i, m) pk[m - 1]
//   dk_j   = sum over i of ds(i, j) q_i  +  sum over m of by_key(j, m) pq[m - 1]
//   dpk[m - 1] = sum over i of by_query(i, m) q_i,   dpq[m - 1] = sum over j of by_key(j, m) k_j
// Warp (a, b) owns rows 16a to 16a + 15 and half b of the columns of dq, dk or dv; of the tables'
// sums 16 distances of one table. They stay in registers until the end, so every element has one
// owner and one order of sums.
#include <cstddef>

#include "core/kernels/attention/attention_bf16_gradients.cuh"
#include "core/kernels/attention/attention_operand.cuh"

namespace soragrad::kernels {
namespace {

// Numbers in two bf16 parts, high and low.
template <int kColumns>
struct SplitRows {
  Bf16Rows<kTile, kColumns> part[2];
};

// Operands of the products: a tile of p or ds, rows of tokens, and what only models with position
// tables need: a table's ring buffer and the tile skewed.
template <int kDepth>
struct ProductTile {
  SplitRows<kTile> weights;
  Bf16Rows<kTile, kDepth> rows, more_rows;
  Bf16Rows<kRun, kDepth> positions;
  SplitRows<kRun> by_query, by_key;
};

// Both parts of rows [row, row + 16) and columns [column, column + 16) of x.
template <int kColumns>
__device__ SplitA split_fragment_a(const SplitRows<kColumns>& x, int row, int column) {
  return {fragment_a(x.part[0], row, column), fragment_a(x.part[1], row, column)};
}
// Of their transpose.
template <int kColumns>
__device__ SplitA transposed_split_a(const SplitRows<kColumns>& x, int row, int column) {
  return {transposed_fragment_a(x.part[0], row, column),
          transposed_fragment_a(x.part[1], row, column)};
}

// Stores 16 rows of a gradient. row_of(r) returns where row r of the head begins, or null to skip
// it. `column` is the first column.
template <int kCount, typename RowOf>
__device__ void store_rows(const FragmentC (&sum)[kCount], const RowOf& row_of, int column,
                           int64_t head_size) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    real* row = const_cast<real*>(row_of(fragment_row(2 * r)));
    if (!row) continue;
#pragma unroll
    for (int n = 0; n < kCount; ++n) {
      const int place = column + kMmaColumns * n + fragment_column(0);
      if (place >= head_size) continue;
      *reinterpret_cast<Two*>(row + place) = {sum[n].at[2 * r], sum[n].at[2 * r + 1]};
    }
  }
}

// 16 rows and half of the columns of a gradient: what a warp owns of dq, dk and dv.
template <int kDepth>
using HalfRows = FragmentC[kDepth / kParts / kMmaColumns];
template <int kDepth>
__device__ int first_column(const WarpPlace& of) {
  return kDepth / kParts * of.b;
}

constexpr int kPiece = 8;  // numbers in 16 bytes of bf16
struct alignas(16) Piece8 {
  uint32_t pair[kPiece / 2];
  __device__ uint16_t one(int c) const {
    return static_cast<uint16_t>(pair[c / 2] >> (c % 2 * 16));
  }
};

// Calls call(part, i, j, piece) with all of a tile of p or ds: keys j to j + 7 of query i.
template <typename Call>
__device__ void for_each_piece(const real* __restrict__ from, const Call& call) {
  const auto* pieces = reinterpret_cast<const Piece8*>(from);
  static_assert(kTileSize / kPiece == kThreads);
  const int thread = static_cast<int>(threadIdx.x), j = thread * kPiece;
  const Piece8 both[2] = {pieces[thread], pieces[kThreads + thread]};
#pragma unroll
  for (int part = 0; part < 2; ++part) call(part, j / kTile, j % kTile, both[part]);
}

// As stored, to shared memory.
__device__ inline void store_piece(SplitRows<kTile>& rows, int part, int i, int j,
                                   const Piece8& piece) {
  *reinterpret_cast<Piece8*>(&rows.part[part].pair[i][j / 2]) = piece;
}
// Skewed, by query or by key. The zeros beside the band stay as clear() leaves them.
enum class By { query, key };
template <By by>
__device__ void store_skewed(SplitRows<kRun>& rows, int part, int i, int j, const Piece8& piece) {
#pragma unroll
  for (int c = 0; c < kPiece; ++c) {
    auto* row = reinterpret_cast<uint16_t*>(rows.part[part].pair[by == By::query ? i : j + c]);
    row[i - (j + c) + kTile] = piece.one(c);
  }
}
__device__ void clear(SplitRows<kRun>& rows) {
  auto* pieces = reinterpret_cast<Piece8*>(&rows);
  for (int n = static_cast<int>(threadIdx.x); n < int{sizeof(rows) / sizeof(Piece8)};
       n += kThreads) {
    pieces[n] = {};
  }
}

// dq of 32 queries. Here and below, then(sum, row, rows) gets what the warp has of the rows
// [row, row + rows) that the block owns.
template <int kDepth, typename Then>
__device__ void write_dq(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                         const GradientPlan& plan, const Piece& piece, const Then& then) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.query = kTile * piece.tile;
  if (at.query >= at.queries) return;
  HalfRows<kDepth> dq = {};
  if (forward.position_key) clear(tile.by_query);
  __syncthreads();
  for (; at.key < at.length; at.key += kTile) {
    for_each_piece(tile_of(plan.ds, forward, plan, piece.sequence, at),
                   [&](int part, int i, int j, const Piece8& ds) {
                     store_piece(tile.weights, part, i, j, ds);
                     if (!forward.position_key) return;
                     store_skewed<By::query>(tile.by_query, part, i, j, ds);
                   });
    load_keys<kThreads>(tile.rows, forward, at, forward.k);
    if (forward.position_key) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_key, Next::lower);
    }
    __syncthreads();
#pragma unroll 1
    for (int key = 0; key < tile_keys(at); key += kPart) {
      mma_rows(dq, split_fragment_a(tile.weights, first, key), tile.rows, key, column);
    }
    // These queries meet the tile's keys at 47 distances: three times 16 rows of the table.
#pragma unroll 1
    for (int m = first; forward.position_key && m < first + kTile + kPart; m += kPart) {
      if (!has_distances(at, m - 1)) continue;
      mma_rows(dq, split_fragment_a(tile.by_query, first, m), by_distance(tile.positions, at),
               m - 1, column);
    }
    __syncthreads();
  }
  store_rows(
      dq, [&](int i) { return query_row(forward, at, args.dq, first + i); }, column,
      forward.head_size);
  then(dq, at.first_query + at.query, tile_queries(at));
}

// dk or dv of 32 keys.
template <int kDepth, typename Then>
__device__ void write_dk_or_dv(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                               const GradientPlan& plan, const Piece& piece, const Then& then) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const bool of_k = piece.gradient == Gradient::dk, of_table = of_k && forward.position_query;
  const int first = kPart * of.a, column = first_column<kDepth>(of);
  TileCoords at = tile_coords(forward, piece.sequence, blockIdx.y);
  at.key = kTile * piece.tile;
  if (at.key >= at.length) return;
  HalfRows<kDepth> sum = {};
  if (of_table) clear(tile.by_key);
  __syncthreads();
  for (; at.query < at.queries; at.query += kTile) {
    for_each_piece(tile_of(of_k ? plan.ds : plan.p, forward, plan, piece.sequence, at),
                   [&](int part, int i, int j, const Piece8& weights) {
                     store_piece(tile.weights, part, i, j, weights);
                     if (of_table) store_skewed<By::key>(tile.by_key, part, i, j, weights);
                   });
    load_queries<kThreads>(tile.rows, forward, at, of_k ? forward.q : args.dy);
    if (of_table) {
      load_table<kThreads>(tile.positions, forward, at, forward.position_query, Next::higher);
    }
    __syncthreads();
#pragma unroll 1
    for (int query = 0; query < tile_queries(at); query += kPart) {
      mma_rows(sum, transposed_split_a(tile.weights, query, first), tile.rows, query, column);
    }
    // The distances that these keys meet, as above.
    const int begin = kTile - kPart - first;
#pragma unroll 1
    for (int m = begin; of_table && m < begin + kTile + kPart; m += kPart) {
      if (!has_distances(at, m - 1)) continue;
      mma_rows(sum, split_fragment_a(tile.by_key, first, m), by_distance(tile.positions, at), m - 1,
               column);
    }
    __syncthreads();
  }
  store_rows(
      sum, [&](int j) { return key_row(forward, at, of_k ? args.dk : args.dv, first + j); }, column,
      forward.head_size);
  then(sum, at.first_token + at.key, tile_keys(at));
}

// Both tables' sums for 32 distances of a group: dpk sums up ds times q, dpq ds times k. Warp (a,
// b) owns distances 16a to 16a + 15 of the window, of table b.
template <int kDepth>
__device__ void write_table_sums(ProductTile<kDepth>& tile, const AttentionBackwardArgs& args,
                                 const GradientPlan& plan, const Piece& piece) {
  const AttentionArgs& forward = args.forward;
  const WarpPlace of = warp_place();
  const int first = kPart * of.a;
  real* sums = of.b == 0 ? plan.of_key : plan.of_query;
  FragmentC sum[kDepth / kMmaColumns] = {};
  clear(tile.by_query);
  clear(tile.by_key);
  __syncthreads();
  for_each_tile(forward, plan, piece, [&](int64_t sequence, const TileCoords& at, bool below) {
    for_each_piece(tile_of(plan.ds, forward, plan, sequence, at),
                   [&](int part, int i, int j, const Piece8& ds) {
                     if (plan.of_key) store_skewed<By::query>(tile.by_query, part, i, j, ds);
                     if (plan.of_query) store_skewed<By::key>(tile.by_key, part, i, j, ds);
                   });
    load_queries<kThreads>(tile.rows, forward, at, forward.q);
    load_keys<kThreads>(tile.more_rows, forward, at, forward.k);
    __syncthreads();
    const int m = first + (below ? 0 : kTile);
    if (sums && of.b == 0) {
#pragma unroll 1
      for (int i = 0; i < tile_queries(at); i += kPart) {
        mma_rows(sum, transposed_split_a(tile.by_query, i, m), tile.rows, i, 0);
      }
    } else if (sums) {
#pragma unroll 1
      for (int j = 0; j < tile_keys(at); j += kPart) {
        mma_rows(sum, transposed_split_a(tile.by_key, j, m), tile.more_rows, j, 0);
      }
    }
    __syncthreads();
  });
  if (!sums) return;
  store_rows(
      sum, [&](int n) { return window_row(forward, piece, sums, first + n); }, 0,
      forward.head_size);
}

template <int kDepth, typename Then>
__device__ void write_piece(const AttentionBackwardArgs& args, const GradientPlan& plan,
                            const Piece& piece, const Then& then) {
  ProductTile<kDepth>& tile = *dynamic_shared<ProductTile<kDepth>>();
  if (piece.gradient == Gradient::dq) {
    write_dq(tile, args, plan, piece, then);
  } else if (piece.gradient == Gradient::tables) {
    write_table_sums(tile, args, plan, piece);
  } else {
    write_dk_or_dv(tile, args, plan, piece, then);
  }
}

// As many blocks as shared memory has room for, as in attention_bf16_scores.cu.
constexpr int resident(int depth) {
  return depth > 64 ? 3 : 5;
}

// Grid: (pieces, heads).
template <int kDepth>
__global__ void __launch_bounds__(kThreads, resident(kDepth))
    bf16_products_kernel(AttentionBackwardArgs args, GradientPlan plan) {
  write_piece<kDepth>(args, plan, block_piece(args.forward, plan), [](auto&&...) {});
}

// The same with blocks of the border behind.
template <int kDepth>
__global__ void __launch_bounds__(kThreads, resident(kDepth))
    bf16_products_operand_kernel(AttentionBackwardArgs args, GradientPlan plan,
                                 SlicedOperand operand) {
  clear_idle_operand(args.forward, operand.args);
  if (blockIdx.x >= operand.row_blocks) {
    return write_borders<false>(operand.args, border_block(operand));
  }
  const Piece piece = block_piece(args.forward, plan);
  const int part = static_cast<int>(piece.gradient);  // dq, dk or dv
  const int head = static_cast<int>(blockIdx.y);
  const auto size = static_cast<int>(args.forward.head_size);
  write_piece<kDepth>(args, plan, piece, [&](const HalfRows<kDepth>& sum, int64_t first, int rows) {
    const WarpPlace of = warp_place();
    const int column = first_column<kDepth>(of);
    write_slice<false>(operand,
                       {.part = part,
                        .number = kParts * head + of.b,
                        .row = first + kPart * of.a,
                        .rows = rows - kPart * of.a,
                        .column = size * head + column,
                        .columns = size - column},
                       sum);
    finish_rows(operand, part, blockIdx.x - plan.table_pieces, first, rows);
  });
}

// Makes the plan and launches the scores; products(depth, plan, blocks, bytes) launches the rest.
template <typename Products>
void launch_backward(const AttentionBackwardArgs& args, const Products& products) {
  const AttentionArgs& forward = args.forward;
  with_depth(forward.head_size, [&](auto depth) {
    using Tile = ProductTile<depth()>;
    const bool tables = forward.position_key || forward.position_query;
    const size_t bytes = tables ? sizeof(Tile) : offsetof(Tile, more_rows);
    with_gradient_plan(
        args, [&](const GradientPlan& plan, int64_t blocks) { bf16_scores(args, plan, blocks); },
        [&](const GradientPlan& plan, int64_t blocks) { products(depth, plan, blocks, bytes); });
  });
}

}  // namespace

void attention_backward_bf16(const AttentionBackwardArgs& args) {
  launch_backward(args, [&](auto depth, const GradientPlan& plan, int64_t blocks, size_t bytes) {
    launch(bf16_products_kernel<depth()>, dim3(grid_size(blocks), grid_size(args.forward.heads)),
           kThreads, bytes, args, plan);
  });
}

void attention_operand_backward_cuda(const AttentionOperandBackwardArgs& args) {
  const AttentionArgs& forward = args.attention.forward;
  const int64_t pieces = 3 * forward.sequences * ceil_div(forward.max_length, kTile);
  if (!makes_operand<false>(forward, args.operand, pieces)) {
    attention_backward_cuda(args.attention);
    return delta_operand_cuda(args.operand);
  }
  const auto products = [&](auto depth, const GradientPlan& plan, int64_t row_blocks,
                            size_t bytes) {
    const auto start = [&](const SlicedOperand& operand, int64_t blocks) {
      launch(bf16_products_operand_kernel<depth()>,
             dim3(grid_size(blocks), grid_size(forward.heads)), kThreads, bytes, args.attention,
             plan, operand);
    };
    with_slices<false>(forward, args.operand, kParts, row_blocks, kThreads, start);
  };
  launch_backward(args.attention, products);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
