// A task a sequence. Copies and sums of whole rows: bound by memory, so one plain copy serves.
#include "core/kernels/rows/first_token.h"

#include <algorithm>

#include "core/parallel.h"

namespace soragrad::kernels {
namespace {

void clear_idle_rows(real* rows, const int64_t* offsets, int64_t sequences, int64_t tokens,
                     int64_t hidden) {
  std::fill(rows + offsets[sequences] * hidden, rows + tokens * hidden, real(0));
}

}  // namespace

void add_first_token_cpu(const AddFirstTokenArgs& args) {
  parallel_for(args.sequences, [&](int64_t sequence) {
    const real* first = args.x + args.offsets[sequence] * args.hidden;
    for (int64_t i = args.offsets[sequence]; i < args.offsets[sequence + 1]; ++i) {
      const real* __restrict x = args.x + i * args.hidden;
      real* __restrict y = args.y + i * args.hidden;
      for (int64_t j = 0; j < args.hidden; ++j) y[j] = x[j] + first[j];
    }
  });
  clear_idle_rows(args.y, args.offsets, args.sequences, args.tokens, args.hidden);
}

void add_first_token_backward_cpu(const AddFirstTokenBackwardArgs& args) {
  parallel_for(args.sequences, [&](int64_t sequence) {
    const int64_t begin = args.offsets[sequence], end = args.offsets[sequence + 1];
    if (begin == end) return;
    std::copy(args.dy + begin * args.hidden, args.dy + end * args.hidden,
              args.dx + begin * args.hidden);
    real* __restrict first = args.dx + begin * args.hidden;
    for (int64_t i = begin; i < end; ++i) {
      const real* __restrict dy = args.dy + i * args.hidden;
      for (int64_t j = 0; j < args.hidden; ++j) first[j] += dy[j];
    }
  });
  clear_idle_rows(args.dx, args.offsets, args.sequences, args.tokens, args.hidden);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
