#include "core/tensor_values.h"

#include <doctest/doctest.h>

namespace soragrad {

TEST_CASE("tensor values: tensors are read in their order, together or one by one") {
  const Tensor flat = Tensor::from({1, 2, 3, 4, 5, 6, 7, 8}, {8}), apart = Tensor::from({9}, {1});
  const std::vector<Tensor> together = {flat.slice(5, 8), flat.slice(0, 2)};
  CHECK(values_of(together) == std::vector<real>{6, 7, 8, 1, 2});
  const std::vector<Tensor> all = {flat.slice(0, 1), apart, flat.slice(7, 8)};
  CHECK(values_of(all) == std::vector<real>{1, 9, 8});
  const Tensor wide = Tensor::zeros({1000});
  const std::vector<Tensor> far = {wide.slice(999, 1000), wide.slice(0, 1)};
  CHECK(values_of(far) == std::vector<real>{0, 0});
  CHECK(values_of({}).empty());
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
