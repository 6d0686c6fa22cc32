// The smallest program on the installed library: a tensor from host values, and its elements back.
#include <fmt/format.h>

#include <numeric>
#include <vector>

#include "core/tensor.h"

int main() {
  std::vector<soragrad::real> values(7);
  std::iota(values.begin(), values.end(), soragrad::real{0});
  const soragrad::Tensor tensor = soragrad::Tensor::from(values, soragrad::Shape{7});
  const std::vector<soragrad::real> back = tensor.to_vector();
  fmt::print("{} elements of {} sum to {}\n", tensor.numel(), tensor.shape(),
             std::accumulate(back.begin(), back.end(), soragrad::real{0}));
}
