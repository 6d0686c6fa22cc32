// Copies and sums of whole rows. They are bound by memory, so one copy of the code serves all SIMD
// targets.
#include "core/kernels/rows/rows.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/parallel.h"

namespace soragrad::kernels {

void gather_rows_cpu(const GatherRowsArgs& args) {
  parallel_chunks(args.n, rows_of_task(kMemoryGrain, args.hidden), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(args.x + args.index[i] * args.hidden, args.hidden, args.y + i * args.hidden);
    }
  });
}

// Positions are sorted by (index, position), so positions of equal index form one group, in rising
// order. A task adds the groups that begin in its chunk; no two tasks write the same row.
void scatter_add_rows_cpu(const ScatterAddRowsArgs& args) {
  std::fill_n(args.dx, args.fresh_rows * args.hidden, real(0));
  std::vector<int64_t> order(static_cast<size_t>(args.n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return args.index[a] < args.index[b]; });
  const auto index_at = [&](int64_t k) { return args.index[order[static_cast<size_t>(k)]]; };
  parallel_chunks(args.n, rows_of_task(kMemoryGrain, args.hidden), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      if (k > 0 && index_at(k) == index_at(k - 1)) continue;  // the group began earlier
      if (index_at(k) == args.skip) continue;
      real* __restrict dx = args.dx + index_at(k) * args.hidden;
      for (int64_t member = k; member < args.n && index_at(member) == index_at(k); ++member) {
        const real* __restrict dy = args.dy + order[static_cast<size_t>(member)] * args.hidden;
        for (int64_t j = 0; j < args.hidden; ++j) dx[j] += dy[j];
      }
    }
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
