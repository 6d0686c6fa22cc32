// How the CPU's attention is cut into tasks; attention_head-inl.h has the arithmetic of one head.
//
// A task is one head of a group of 8 sequences. It expands the head's slice of each position table
// to one row a distance, once for all its sequences, and walks the sequences in order.
//
// Each task writes its own rows and columns of y, or of dq, dk and dv. Backward also sums the
// tables' gradients, each task in memory of its own: heads * groups * (2 max_length - 1) *
// head_size reals in all. A second loop adds these sums in the order of the groups. Groups depend
// on the batch alone, so the bits do not depend on the thread count.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/attention/attention.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <vector>

#include "core/integer_math.h"
#include "core/kernels/attention/attention.h"
#include "core/kernels/attention/attention_head-inl.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/parallel.h"
#include "core/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// Sequences of a task. More would expand the tables less often, fewer would balance threads better.
constexpr int64_t kGroup = 8;

// The storage of one head's expanded table. Entry e is distance max_length - 1 - e in falling
// order, and distance e - (max_length - 1) in rising order.
struct ExpandedTable {
  std::vector<real> columns, rows;

  // Copies the head's columns of table[distance_row[...]]: transposed, unless in bf16; as rows in
  // bf16 and for backward. A null table gives one that is not present.
  PositionTable expand(const AttentionArgs& args, const real* table, int64_t head, bool falling,
                       bool backward) {
    if (!table) return {};
    const bool with_columns = !args.bf16, with_rows = args.bf16 || backward;
    const int64_t hidden = args.heads * args.head_size, depth = round_up(args.head_size);
    const int64_t width = 2 * args.max_length - 1, pitch = round_up(width + kLanes);
    if (with_columns) columns.assign(static_cast<size_t>(args.head_size * pitch + kLanes), 0);
    if (with_rows) rows.assign(static_cast<size_t>(width * depth), 0);
    for (int64_t entry = 0; entry < width; ++entry) {
      const int64_t row = args.distance_row[falling ? width - 1 - entry : entry];
      const real* source = table + row * hidden + head * args.head_size;
      for (int64_t d = 0; with_columns && d < args.head_size; ++d) {
        columns[d * pitch + entry] = source[d];
      }
      if (with_rows) std::copy_n(source, args.head_size, rows.data() + entry * depth);
    }
    return {true, columns.data(), rows.data(), pitch};
  }
};

// The working memory of a thread, kept between tasks: after the first batches nothing is allocated.
struct TaskScratch {
  HeadScratch head;
  ExpandedTable key, query;
};

inline TaskScratch& thread_scratch() {
  static thread_local TaskScratch scratch;
  return scratch;
}

inline HeadTask head_task(const AttentionArgs& args, int64_t sequence, int64_t head) {
  const int64_t first = args.offsets[sequence], length = args.offsets[sequence + 1] - first;
  return {.length = length,
          .queries = args.first_query_only ? std::min<int64_t>(length, 1) : length,
          .first_token = first,
          .first_query = args.first_query_only ? sequence : first,
          .head = head,
          .depth = round_up(args.head_size)};
}

inline void forward_task(const AttentionArgs& args, const int64_t* probability_offsets,
                         int64_t task) {
  TaskScratch& scratch = thread_scratch();
  const int64_t head = task % args.heads, group = task / args.heads;
  const PositionTable key = scratch.key.expand(args, args.position_key, head, true, false);
  const PositionTable query = scratch.query.expand(args, args.position_query, head, false, false);
  const int64_t end = std::min(args.sequences, (group + 1) * kGroup);
  for (int64_t sequence = group * kGroup; sequence < end; ++sequence) {
    const HeadTask at = head_task(args, sequence, head);
    if (at.length == 0) continue;
    real* probabilities = args.probabilities ? args.probabilities + probability_offsets[sequence] +
                                                   head * at.queries * at.length
                                             : nullptr;
    head_forward(args, at, key, query, probabilities, scratch.head);
  }
}

// dkey and dquery are this task's own sums, (2 max_length - 1, depth). They are zeroed here; null
// if not wanted.
inline void backward_task(const AttentionBackwardArgs& args, int64_t task, real* dkey,
                          real* dquery) {
  TaskScratch& scratch = thread_scratch();
  const AttentionArgs& forward = args.forward;
  const int64_t head = task % forward.heads, group = task / forward.heads;
  const PositionTable key = scratch.key.expand(forward, forward.position_key, head, true, true);
  const PositionTable query =
      scratch.query.expand(forward, forward.position_query, head, false, true);
  const int64_t size = (2 * forward.max_length - 1) * round_up(forward.head_size);
  if (dkey) std::fill_n(dkey, size, real(0));
  if (dquery) std::fill_n(dquery, size, real(0));
  const int64_t end = std::min(forward.sequences, (group + 1) * kGroup);
  for (int64_t sequence = group * kGroup; sequence < end; ++sequence) {
    const HeadTask at = head_task(forward, sequence, head);
    if (at.length > 0) head_backward(args, at, key, query, dkey, dquery, scratch.head);
  }
}

// Writes one head's columns of a table's gradient, `out` (positions, hidden): the sum over groups,
// in their order, of every distance that shares a row (DeBERTa's logarithmic buckets share many).
inline void fold(const AttentionArgs& args, const real* sums, int64_t groups, int64_t head,
                 bool falling, real* out) {
  const int64_t hidden = args.heads * args.head_size, depth = round_up(args.head_size);
  const int64_t width = 2 * args.max_length - 1, size = width * depth;
  for (int64_t row = 0; row < args.positions; ++row) {
    std::fill_n(out + row * hidden + head * args.head_size, args.head_size, real(0));
  }
  for (int64_t group = 0; group < groups; ++group) {
    const real* part = sums + (group * args.heads + head) * size;
    for (int64_t entry = 0; entry < width; ++entry) {
      const int64_t row = args.distance_row[falling ? width - 1 - entry : entry];
      real* target = out + row * hidden + head * args.head_size;
      for (int64_t d = 0; d < args.head_size; ++d) target[d] += part[entry * depth + d];
    }
  }
}

inline void forward_all(const AttentionArgs& args, const int64_t* probability_offsets) {
  const int64_t groups = ceil_div(args.sequences, kGroup);
  parallel_for(groups * args.heads,
               [&](int64_t task) { forward_task(args, probability_offsets, task); });
}

inline void backward_all(const AttentionBackwardArgs& args) {
  const AttentionArgs& forward = args.forward;
  const int64_t groups = ceil_div(forward.sequences, kGroup), tasks = groups * forward.heads;
  const int64_t size = (2 * forward.max_length - 1) * round_up(forward.head_size);
  const Tensor key = args.dposition_key ? Tensor::empty({tasks, size}) : Tensor();
  const Tensor query = args.dposition_query ? Tensor::empty({tasks, size}) : Tensor();
  parallel_for(tasks, [&](int64_t task) {
    backward_task(args, task, key.defined() ? key.data() + task * size : nullptr,
                  query.defined() ? query.data() + task * size : nullptr);
  });
  parallel_for(forward.heads, [&](int64_t head) {
    if (key.defined()) fold(forward, key.data(), groups, head, true, args.dposition_key);
    if (query.defined()) fold(forward, query.data(), groups, head, false, args.dposition_query);
  });
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {
namespace {

// Zeros in the rows of x (tokens, hidden) that belong to no sequence.
void clear_idle_rows(const AttentionArgs& args, real* x) {
  const int64_t hidden = args.heads * args.head_size, first = args.offsets[args.sequences];
  std::fill_n(x + first * hidden, (args.tokens - first) * hidden, real(0));
}

}  // namespace

HWY_EXPORT(forward_all);
HWY_EXPORT(backward_all);

bool attention_takes_bf16(Device device, int64_t head_size) {
  if (device == Device::cpu) return bf16_way() == Bf16Way::amx;
  return head_size <= 128 && head_size % 4 == 0;
}

void attention_cpu(const AttentionArgs& args) {
  std::vector<int64_t> probability_offsets;  // where each sequence's block begins
  for (int64_t sequence = 0, total = 0; args.probabilities && sequence < args.sequences;
       ++sequence) {
    probability_offsets.push_back(total);
    const int64_t length = args.offsets[sequence + 1] - args.offsets[sequence];
    total += args.heads * length * (args.first_query_only ? 1 : length);
  }
  HWY_DYNAMIC_DISPATCH(forward_all)(args, probability_offsets.data());
  if (!args.first_query_only) clear_idle_rows(args, args.y);
}

void attention_backward_cpu(const AttentionBackwardArgs& args) {
  HWY_DYNAMIC_DISPATCH(backward_all)(args);
  if (!args.forward.first_query_only) clear_idle_rows(args.forward, args.dq);
  clear_idle_rows(args.forward, args.dk);
  clear_idle_rows(args.forward, args.dv);
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
