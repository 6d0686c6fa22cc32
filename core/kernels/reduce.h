// Sums over large arrays on the CPU: chunks of a fixed size are summed in parallel, then their
// partial sums are added in order. The bits do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/integer_math.h"
#include "core/parallel.h"

namespace soragrad::kernels {

// Returns the sum of body(begin, end) over chunks of [0, n) of `grain` items each. body returns a
// double and runs on any thread. An array of one chunk is summed on the calling thread.
template <typename Body>
double chunked_sum(int64_t n, int64_t grain, Body&& body) {
  if (n <= grain) return body(int64_t{0}, n);
  std::vector<double> partial(static_cast<size_t>(ceil_div(n, grain)));
  parallel_chunks(n, grain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / grain)] = body(begin, end);
  });
  double sum = 0;
  for (const double part : partial) sum += part;
  return sum;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
