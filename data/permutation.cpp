#include "data/permutation.h"

#include <numeric>
#include <random>
#include <utility>

#include "core/error.h"

namespace soragrad::data {

std::vector<int64_t> torch_randperm(int64_t n, uint64_t seed) {
  constexpr int64_t kLimit = (int64_t{1} << 32) / 20;
  require(n >= 0 && n < kLimit, "[randperm] {} rows, expected 0 to {}.", n, kLimit - 1);
  std::mt19937 generator(static_cast<uint32_t>(seed));
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = 0; i + 1 < n; ++i) {
    const int64_t step = static_cast<int64_t>(generator()) % (n - i);
    std::swap(order[i], order[i + step]);
  }
  return order;
}

}  // namespace soragrad::data
