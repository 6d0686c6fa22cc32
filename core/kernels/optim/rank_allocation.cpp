#include "core/kernels/optim/rank_allocation.h"

#include <algorithm>
#include <vector>

#include "core/parallel.h"

namespace soragrad::kernels {

void rank_scores_cpu(const RankScoresArgs& args) {
  if (!args.plan->smooths && !args.plan->masks) return;
  parallel_for(args.count, [&](int64_t number) {
    const RankScoresArgs::Part& part = args.parts[number];
    std::vector<double> columns(static_cast<size_t>(part.rank));
    for (int64_t j = 0; j < part.out; ++j) {
      for (int64_t k = 0; k < part.rank; ++k) {
        columns[static_cast<size_t>(k)] += smoothed_score(args, part.b, j * part.rank + k);
      }
    }
    for (int64_t k = 0; k < part.rank; ++k) {
      double row = 0;
      for (int64_t j = 0; j < part.in; ++j) row += smoothed_score(args, part.a, k * part.in + j);
      part.scores[k] = static_cast<real>(
          smoothed_score(args, part.gate, k) + row / static_cast<double>(part.in) +
          columns[static_cast<size_t>(k)] / static_cast<double>(part.out));
    }
  });
}

void rank_mask_cpu(const RankMaskArgs& args) {
  const RankPlan& plan = *args.plan;
  parallel_for(args.count, [&](int64_t number) {
    const RankMaskArgs::Part& part = args.parts[number];
    for (int64_t k = 0; k < part.rank; ++k) {
      const int64_t i = part.begin + k;
      if (plan.masks) {
        const real score = args.scores[i];
        const int64_t lower = std::count_if(args.scores, args.scores + args.triplets,
                                            [&](real other) { return other < score; });
        args.mask[i] = is_dropped(lower, plan.dropped) ? real(0) : real(1);
      }
      if (plan.applies && args.mask[i] == 0) part.gate[k] = 0;
    }
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
