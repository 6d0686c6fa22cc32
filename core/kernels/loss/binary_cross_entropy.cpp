#include "core/kernels/loss/binary_cross_entropy.h"

#include "core/kernels/reduce.h"
#include "core/parallel.h"

namespace soragrad::kernels {
namespace {
constexpr int64_t kGrain = 1024;  // elements a task: some 40 microseconds
}

void binary_cross_entropy_cpu(const BinaryCrossEntropyArgs& args) {
  const double loss = chunked_sum(args.n, kGrain, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) {
      sum += binary_loss(static_cast<double>(args.logits[i]), static_cast<double>(args.targets[i]));
    }
    return sum;
  });
  int64_t hits = 0;
  for (int64_t i = 0; i < args.n; ++i) {
    hits += binary_hit(static_cast<double>(args.logits[i]), static_cast<double>(args.targets[i]));
  }
  *args.loss = static_cast<real>(loss / static_cast<double>(args.n));
  *args.hits = static_cast<real>(hits);
}

void binary_cross_entropy_backward_cpu(const BinaryCrossEntropyBackwardArgs& args) {
  const double factor = static_cast<double>(*args.dloss) / static_cast<double>(args.n);
  parallel_chunks(args.n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      args.dlogits[i] =
          static_cast<real>(factor * binary_slope(static_cast<double>(args.logits[i]),
                                                  static_cast<double>(args.targets[i])));
    }
  });
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
