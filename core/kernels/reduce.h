// Sums over large arrays: fixed chunks, their partial sums added in order, so that the result does
// not depend on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"

namespace soragrad::kernels {

// Sum of body(begin, end) over chunks of [0, n) of `grain` items each.
template <typename Body>
double chunked_sum(int64_t n, int64_t grain, Body&& body) {
  if (n <= grain) return body(int64_t{0}, n);
  std::vector<double> partial(static_cast<size_t>((n + grain - 1) / grain));
  parallel_chunks(n, grain, [&](int64_t begin, int64_t end) {
    partial[static_cast<size_t>(begin / grain)] = body(begin, end);
  });
  double sum = 0;
  for (const double part : partial) sum += part;
  return sum;
}

}  // namespace soragrad::kernels
