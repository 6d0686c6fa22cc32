// Attention forward on tensor cores. As in attention.cu, a block owns 32 queries of one (sequence,
// head), walks the keys 32 at a time in rising order and keeps a running softmax.
// attention_bf16.cuh has the tile.
//
// A block has two warps, and each owns 16 queries. Their 16 x 32 scores of a tile (16 registers a
// lane) and their rows of y (head size / 2 registers a lane) never leave registers. Four lanes
// share a row, so a maximum or a sum over the keys takes two shuffles. Probabilities become left
// operands of the product with v in place, because the layout of a result fragment equals that of
// an operand (Dao, "FlashAttention-2", 2023). Each is split into two bf16 parts, so p v takes two
// products.
//
// y is scaled down when a tile raises the maximum and divided by the softmax's sum at the end. A
// row has one owner and its keys one order, so two runs give the same bits. What attention_operand
// makes besides is described in attention_operand.cuh.
#include "core/error.h"
#include "core/kernels/attention/attention_bf16.cuh"
#include "core/kernels/attention/attention_operand.cuh"

namespace soragrad::kernels {
namespace {

constexpr int kWarps = kTile / kPart, kThreads = kWarps * kWarp;

template <int kDepth>
struct ForwardTile {
  Bf16Rows<kTile, kDepth> v;
  BandScratch band[kWarps];
  Bf16ScoreTile<kDepth> scores;
};

// The scores of a warp's 16 queries with the tile's 32 keys. A lane has two of the queries, r = 0
// and 1; in each fragment at[2r] and at[2r + 1] belong to query r.
struct RowScores {
  PartScores part[kTile / kPart];

  // Scales; keys beyond the sequence become -infinity, so that exp gives 0.
  __device__ void scale(const AttentionArgs& args, const TileCoords& at) {
    for_each([&](float& s, int, int j) { s = j < tile_keys(at) ? args.scale * s : -INFINITY; });
  }
  // Calls call(score, r, key) for the lane's 16 scores; `key` counts within the tile.
  template <typename Call>
  __device__ void for_each(const Call& call) {
#pragma unroll
    for (int n = 0; n < kTile / kMmaColumns; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        call(part[n / 2].half[n % 2].at[e], e / 2, kMmaColumns * n + fragment_column(e));
      }
    }
  }
};

// Replaces the scores by dropout(exp(score - max)) and updates the running softmax of the lane's
// two queries. factor[r] is what the caller multiplies query r's earlier sums by.
__device__ void update_softmax(RunningSoftmax<kGroup> (&softmax)[2], RowScores& p,
                               const AttentionArgs& args, const TileCoords& at,
                               float (&factor)[2]) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    constexpr int kCount = kTile / kGroup;  // of the row's scores a lane's
    float row[kCount];
    int n = 0;
    p.for_each([&](float& s, int of, int) {
      if (of == r) row[n++] = s;
    });
    factor[r] = softmax[r].update(row);
    const int query = static_cast<int>(threadIdx.x) / kWarp * kPart + fragment_row(2 * r);
    const uint32_t kept = kept_keys<kGroup>(args, at, at.query + query);
    n = 0;
    p.for_each([&](float& s, int of, int j) {
      if (of == r) s = dropped_key(args, kept, j, row[n++]);
    });
  }
}

// The warp's 16 rows of y, of one head.
template <int kDepth>
using HeadRows = FragmentC[kDepth / kMmaColumns];

// Writes y of the block's queries; then(y, at) gets what the warp has of it.
template <int kDepth, typename Then>
__device__ void write_y(const AttentionArgs& args, int tiles, const Then& then) {
  ForwardTile<kDepth>& tile = *dynamic_shared<ForwardTile<kDepth>>();
  TileCoords at = block_coords(args, tiles);
  if (at.query >= at.queries) return;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  load_queries<kThreads>(tile.scores.q, args, at, args.q);
  HeadRows<kDepth> y = {};
  RunningSoftmax<kGroup> softmax[2];
  for (; at.key < at.length; at.key += kTile) {
    load_keys<kThreads>(tile.scores.k, args, at, args.k);
    load_keys<kThreads>(tile.v, args, at, args.v);
    load_tables<kThreads>(tile.scores, args, at);
    __syncthreads();
    RowScores p;
#pragma unroll
    for (int b = 0; b < kTile / kPart; ++b) {
      p.part[b] = part_scores(tile.scores, args, at, warp, b, tile.band[warp]);
    }
    p.scale(args, at);
    float factor[2];
    update_softmax(softmax, p, args, at, factor);
#pragma unroll
    for (FragmentC& c : y) {
      for (int e = 0; e < 4; ++e) c.at[e] *= factor[e / 2];
    }
#pragma unroll
    for (int b = 0; b < kTile / kPart; ++b) {
      if (kPart * b >= tile_keys(at)) break;
      mma_rows(y, split_a(p.part[b].half[0], p.part[b].half[1]), tile.v, kPart * b, 0);
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int i = kPart * warp + fragment_row(2 * r);
    real* row = const_cast<real*>(query_row(args, at, args.y, i));
    if (!row) continue;
    const float inverse = 1 / softmax[r].sum;
#pragma unroll
    for (int n = 0; n < kDepth / kMmaColumns; ++n) {
      const int column = kMmaColumns * n + fragment_column(0);
      if (column >= args.head_size) continue;
      *reinterpret_cast<Two*>(row + column) = {y[n].at[2 * r] *= inverse,
                                               y[n].at[2 * r + 1] *= inverse};
    }
    if (args.log_sum && place_in_group() == 0) {
      args.log_sum[(at.first_query + at.query + i) * args.heads + at.head] =
          softmax[r].max + log(softmax[r].sum);
    }
  }
  then(y, at);
}

// Grid: (sequences * tiles, heads), as in attention.cu.
template <int kDepth>
__global__ void __launch_bounds__(kThreads) attention_bf16_kernel(AttentionArgs args, int tiles) {
  if (!args.first_query_only) clear_idle_rows(args, args.y);
  write_y<kDepth>(args, tiles, [](const HeadRows<kDepth>&, const TileCoords&) {});
}

// The same with blocks of the border behind.
template <int kDepth>
__global__ void __launch_bounds__(kThreads)
    attention_bf16_operand_kernel(AttentionArgs args, int tiles, SlicedOperand operand) {
  if (!args.first_query_only) {
    clear_idle_rows(args, args.y);
    clear_idle_operand(args, operand.args);
  }
  if (blockIdx.x >= operand.row_blocks) {
    return write_borders<true>(operand.args, border_block(operand));
  }
  write_y<kDepth>(args, tiles, [&](const HeadRows<kDepth>& y, const TileCoords& at) {
    const int64_t row = at.first_query + at.query;
    const int of_warp = static_cast<int>(threadIdx.x) / kWarp * kPart, rows = tile_queries(at);
    write_slice<true>(operand,
                      {.part = 0,
                       .number = at.head,
                       .row = row + of_warp,
                       .rows = rows - of_warp,
                       .column = at.column,
                       .columns = static_cast<int>(args.head_size)},
                      y);
    finish_rows(operand, 0, blockIdx.x, row, rows);
  });
}

int64_t tiles_of(const AttentionArgs& args) {
  return args.first_query_only ? 1 : ceil_div(args.max_length, kTile);
}

// Launches `blocks` blocks a head of the kernel that kernel_of(depth) is.
template <typename KernelOf, typename... More>
void launch_forward(const KernelOf& kernel_of, int64_t blocks, const AttentionArgs& args,
                    const More&... more) {
  require(args.positions * args.heads * args.head_size <= kMostTableNumbers,
          "[attention] a position table of {} rows is too large for a GPU.", args.positions);
  with_depth(args.head_size, [&](auto depth) {
    launch(kernel_of(depth), dim3(grid_size(blocks), grid_size(args.heads)), kThreads,
           shared_bytes<ForwardTile<depth()>>(args), args, static_cast<int>(tiles_of(args)),
           more...);
  });
}

}  // namespace

void attention_bf16(const AttentionArgs& args) {
  launch_forward([](auto depth) { return attention_bf16_kernel<depth()>; },
                 args.sequences * tiles_of(args), args);
}

void attention_operand_cuda(const AttentionOperandArgs& args) {
  const AttentionArgs& attention = args.attention;
  const int64_t row_blocks = attention.sequences * tiles_of(attention);
  if (!makes_operand<true>(attention, args.operand, row_blocks)) {
    attention_cuda(attention);
    return delta_operand_cuda(args.operand);
  }
  const auto start = [&](const SlicedOperand& operand, int64_t blocks) {
    launch_forward([](auto depth) { return attention_bf16_operand_kernel<depth()>; }, blocks,
                   attention, operand);
  };
  with_slices<true>(attention, args.operand, 1, row_blocks, kThreads, start);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
