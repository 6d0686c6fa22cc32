// Forward: a warp a row of scores, (query, head); its lanes are keys for scores and softmax, and
// columns of the head for the result. The row stays in shared memory, or in global memory where
// sequences are too long for that.
//
// Backward, without atomics: the rows of the dropped probabilities and of the scores' gradient are
// written to scratch memory once; then each gradient is a sum with one writer a place, in order.
//   dq_i = sum_j ds(i, j) (k_j + pk[r])     by rows
//   dk_j = sum_i ds(i, j) (q_i + pq[r])     by keys, like dv_j = sum_i p(i, j) dy_i
//   dpk[r] = sum of ds(i, j) q_i            by distances i - j, a group of sequences at a time;
//   dpq[r] = sum of ds(i, j) k_j            then over groups and over the distances of row r
#include "core/kernels/attention.h"

#include "core/kernels/cuda.cuh"
#include "core/kernels/math.h"

namespace soragrad::kernels {
namespace {

constexpr int64_t kSharedBytes = 48 << 10;  // what every GPU gives a block without being asked
constexpr int64_t kLongRowBlocks = 1024;    // of rows in global memory: bounds that memory
constexpr int64_t kGroup = 8;               // sequences whose table gradients are added in place

// The sequence that holds a token: the last one that begins at or before it.
__device__ int64_t sequence_of(const AttentionArgs& args, int64_t token) {
  int64_t low = 0, high = args.sequences;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (args.offsets[middle] <= token ? low : high) = middle;
  }
  return low;
}

// One sequence: its tokens, and its queries as rows of q, dy and y.
struct Sequence {
  int64_t number, first_token, length, first_query, queries;
};

__device__ Sequence sequence_at(const AttentionArgs& args, int64_t number) {
  const int64_t first = args.offsets[number], length = args.offsets[number + 1] - first;
  if (args.first_query_only) return {number, first, length, number, length > 0 ? 1 : 0};
  return {number, first, length, first, length};
}

// Row of the position tables for query i and key j.
__device__ int64_t table_row(const AttentionArgs& args, int64_t i, int64_t j) {
  return args.distance_row[i - j + args.max_length - 1];
}

__device__ real dot(const real* a, const real* b, int64_t n) {
  real sum = 0;
  for (int64_t d = 0; d < n; ++d) sum += a[d] * b[d];
  return sum;
}

// One row of scores: query i of a sequence, one head.
struct ScoreRow {
  Sequence sequence;
  int64_t number;  // query * heads + head: the row of scratch memory
  int64_t query, i, head;
  int64_t column;  // of the head in q, k, v
};

__device__ ScoreRow score_row(const AttentionArgs& args, int64_t number) {
  const int64_t query = number / args.heads, head = number % args.heads;
  const Sequence sequence =
      sequence_at(args, args.first_query_only ? query : sequence_of(args, query));
  return {sequence, number, query, query - sequence.first_query, head, head * args.head_size};
}

// p (length) = softmax of the row's scores. All lanes may read it afterwards.
__device__ void probabilities(const AttentionArgs& args, const ScoreRow& row, real* p) {
  const int64_t hidden = args.heads * args.head_size, length = row.sequence.length;
  const real* q = args.q + row.query * hidden + row.column;
  real max = -INFINITY;
  for (int64_t j = lane_index(); j < length; j += kWarp) {
    const real* k = args.k + (row.sequence.first_token + j) * hidden + row.column;
    real score = dot(q, k, args.head_size);
    if (args.position_key) {
      const int64_t place = table_row(args, row.i, j) * hidden + row.column;
      score += dot(q, args.position_key + place, args.head_size);
    }
    if (args.position_query) {
      const int64_t place = table_row(args, row.i, j) * hidden + row.column;
      score += dot(k, args.position_query + place, args.head_size);
    }
    p[j] = args.scale * score;
    max = p[j] > max ? p[j] : max;
  }
  max = warp_max(max);
  real sum = 0;
  for (int64_t j = lane_index(); j < length; j += kWarp) {
    p[j] = math::exp(p[j] - max);
    sum += p[j];
  }
  const real inverse = 1 / warp_sum(sum);
  for (int64_t j = lane_index(); j < length; j += kWarp) p[j] *= inverse;
  __syncwarp();
}

// x as dropout leaves it at key j of the row.
__device__ real dropped_at(const AttentionArgs& args, const ScoreRow& row, int64_t j, real x) {
  const int64_t place = (row.sequence.first_token + row.i) * args.heads + row.head;
  return dropped(x, args.stream, (static_cast<uint64_t>(place) << kAttentionRowBits) + j,
                 args.drop_threshold, args.keep_scale);
}

// Where the row's probabilities stand in args.probabilities.
__device__ int64_t probability_place(const AttentionArgs& args, const ScoreRow& row) {
  int64_t before = 0;
  for (int64_t s = lane_index(); s < row.sequence.number; s += kWarp) {
    const Sequence sequence = sequence_at(args, s);
    before += args.heads * sequence.queries * sequence.length;
  }
  return warp_sum(before) + (row.head * row.sequence.queries + row.i) * row.sequence.length;
}

__global__ void attention_kernel(AttentionArgs args, int64_t rows, real* long_rows) {
  const int64_t hidden = args.heads * args.head_size;
  real* p = long_rows ? long_rows + global_warp() * args.max_length
                      : dynamic_shared<real>() + threadIdx.x / kWarp * args.max_length;
  for (int64_t number = global_warp(); number < rows; number += grid_threads() / kWarp) {
    const ScoreRow row = score_row(args, number);
    const int64_t length = row.sequence.length;
    probabilities(args, row, p);
    if (args.probabilities) {
      real* out = args.probabilities + probability_place(args, row);
      for (int64_t j = lane_index(); j < length; j += kWarp) out[j] = p[j];
    }
    for (int64_t j = lane_index(); j < length; j += kWarp) p[j] = dropped_at(args, row, j, p[j]);
    __syncwarp();
    const real* v = args.v + row.sequence.first_token * hidden + row.column;
    for (int64_t d = lane_index(); d < args.head_size; d += kWarp) {
      real sum = 0;
      for (int64_t j = 0; j < length; ++j) sum += p[j] * v[j * hidden + d];
      args.y[row.query * hidden + row.column + d] = sum;
    }
    __syncwarp();  // before the next row takes the place of this one
  }
}

// Scratch of the backward pass, both (queries * heads, max_length).
struct Scratch {
  real* p;   // probabilities after dropout
  real* ds;  // gradient of the scores
};

// A warp a row: fills the scratch memory and computes dq.
__global__ void backward_rows(AttentionBackwardArgs args, Scratch scratch, int64_t rows) {
  const int64_t number = global_warp();
  if (number >= rows) return;
  const AttentionArgs& forward = args.forward;
  const int64_t hidden = forward.heads * forward.head_size;
  const ScoreRow row = score_row(forward, number);
  const int64_t length = row.sequence.length;
  const int64_t key_place = row.sequence.first_token * hidden + row.column;
  real* p = scratch.p + number * forward.max_length;
  real* ds = scratch.ds + number * forward.max_length;
  probabilities(forward, row, p);
  const real* dy = args.dy + row.query * hidden + row.column;
  // Softmax: ds = scale * p * (g - sum p g), g = dropout(dy v^T).
  real sum = 0;
  for (int64_t j = lane_index(); j < length; j += kWarp) {
    const real g = dot(dy, forward.v + key_place + j * hidden, forward.head_size);
    ds[j] = dropped_at(forward, row, j, g);
    sum += p[j] * ds[j];
  }
  sum = warp_sum(sum);
  for (int64_t j = lane_index(); j < length; j += kWarp) {
    ds[j] = forward.scale * p[j] * (ds[j] - sum);
    p[j] = dropped_at(forward, row, j, p[j]);
  }
  __syncwarp();
  for (int64_t d = lane_index(); d < forward.head_size; d += kWarp) {
    real dq = 0;
    for (int64_t j = 0; j < length; ++j) {
      real k = forward.k[key_place + j * hidden + d];
      if (forward.position_key) {
        k += forward.position_key[table_row(forward, row.i, j) * hidden + row.column + d];
      }
      dq += ds[j] * k;
    }
    args.dq[row.query * hidden + row.column + d] = dq;
  }
}

// A warp a (token, head), its lanes columns of the head: dk and dv.
__global__ void backward_keys(AttentionBackwardArgs args, Scratch scratch) {
  const AttentionArgs& forward = args.forward;
  const int64_t token = global_warp() / forward.heads, head = global_warp() % forward.heads;
  if (token >= forward.tokens) return;
  const int64_t hidden = forward.heads * forward.head_size, column = head * forward.head_size;
  const Sequence sequence = sequence_at(forward, sequence_of(forward, token));
  const int64_t j = token - sequence.first_token;
  for (int64_t d = lane_index(); d < forward.head_size; d += kWarp) {
    real dk = 0, dv = 0;
    for (int64_t i = 0; i < sequence.queries; ++i) {
      const int64_t query = sequence.first_query + i, place = query * hidden + column + d;
      const int64_t score = (query * forward.heads + head) * forward.max_length + j;
      real q = forward.q[place];
      if (forward.position_query) {
        q += forward.position_query[table_row(forward, i, j) * hidden + column + d];
      }
      dk += scratch.ds[score] * q;
      dv += scratch.p[score] * args.dy[place];
    }
    args.dk[token * hidden + column + d] = dk;
    args.dv[token * hidden + column + d] = dv;
  }
}

enum class Table { key, query };

// sums (groups, 2 max_length - 1, hidden): a thread a distance and column, block y a group.
template <Table table>
__global__ void sum_distances(AttentionArgs args, const real* ds, real* sums) {
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t entry = global_thread() / hidden, column = global_thread() % hidden;
  if (entry >= width) return;
  const int64_t distance = entry - (args.max_length - 1), head = column / args.head_size;
  const int64_t begin = blockIdx.y * kGroup;
  real sum = 0;
  for (int64_t s = begin; s < begin + kGroup && s < args.sequences; ++s) {
    const Sequence sequence = sequence_at(args, s);
    const int64_t last = sequence.length + distance;  // j = i - distance is below length
    for (int64_t i = distance > 0 ? distance : 0; i < sequence.queries && i < last; ++i) {
      const int64_t j = i - distance, query = sequence.first_query + i;
      sum += ds[(query * args.heads + head) * args.max_length + j] *
             (table == Table::key ? args.q[query * hidden + column]
                                  : args.k[(sequence.first_token + j) * hidden + column]);
    }
  }
  sums[(blockIdx.y * width + entry) * hidden + column] = sum;
}

// dtable (positions, hidden): a thread an element adds the distances of its row, which stand side
// by side as distance_row is non-decreasing.
__global__ void fold_distances(AttentionArgs args, const real* sums, int64_t groups, real* dtable) {
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t row = global_thread() / hidden, column = global_thread() % hidden;
  if (row >= args.positions) return;
  int64_t low = 0, high = width;  // the first entry whose row is not smaller
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (args.distance_row[middle] < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  real sum = 0;
  for (int64_t entry = low; entry < width && args.distance_row[entry] == row; ++entry) {
    for (int64_t group = 0; group < groups; ++group) {
      sum += sums[(group * width + entry) * hidden + column];
    }
  }
  dtable[row * hidden + column] = sum;
}

template <Table table>
void table_gradient(const AttentionArgs& args, const real* ds, real* dtable) {
  const int64_t hidden = args.heads * args.head_size, width = 2 * args.max_length - 1;
  const int64_t groups = ceil_div(args.sequences, kGroup);
  const Tensor sums = Tensor::empty({groups, width * hidden}, kReal, Device::cuda);
  const dim3 grid(grid_size(ceil_div(width * hidden, kBlockThreads)), grid_size(groups));
  launch(sum_distances<table>, grid, kBlockThreads, 0, args, ds, sums.data());
  launch_elements(fold_distances, args.positions * hidden, args, sums.data(), groups, dtable);
}

int64_t row_count(const AttentionArgs& args) {
  return (args.first_query_only ? args.sequences : args.tokens) * args.heads;
}

}  // namespace

void attention_cuda(const AttentionArgs& args) {
  const int64_t rows = row_count(args);
  if (rows == 0) return;
  const int64_t blocks = ceil_div(rows, kWarpsPerBlock);
  const int64_t shared = kWarpsPerBlock * args.max_length * static_cast<int64_t>(sizeof(real));
  if (shared <= kSharedBytes) {
    launch(attention_kernel, grid_size(blocks), kWarpsPerBlock * kWarp, static_cast<size_t>(shared),
           args, rows, static_cast<real*>(nullptr));
    return;
  }
  const int64_t long_blocks = std::min(blocks, kLongRowBlocks);
  const Tensor long_rows =
      Tensor::empty({long_blocks * kWarpsPerBlock, args.max_length}, kReal, Device::cuda);
  launch(attention_kernel, grid_size(long_blocks), kWarpsPerBlock * kWarp, 0, args, rows,
         long_rows.data());
}

void attention_backward_cuda(const AttentionBackwardArgs& args) {
  const AttentionArgs& forward = args.forward;
  const int64_t rows = row_count(forward);
  if (rows == 0) return;
  const Tensor p = Tensor::empty({rows, forward.max_length}, kReal, Device::cuda);
  const Tensor ds = Tensor::empty({rows, forward.max_length}, kReal, Device::cuda);
  const Scratch scratch{p.data(), ds.data()};
  launch_rows(backward_rows, rows, args, scratch, rows);
  launch_rows(backward_keys, forward.tokens * forward.heads, args, scratch);
  if (args.dposition_key) {
    table_gradient<Table::key>(forward, ds.data(), args.dposition_key);
  }
  if (args.dposition_query) {
    table_gradient<Table::query>(forward, ds.data(), args.dposition_query);
  }
}

}  // namespace soragrad::kernels
