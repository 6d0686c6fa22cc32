#include <soragrad/soragrad.h>

soragrad::Tensor ones(int64_t n) {
  return soragrad::Tensor::full({n}, 1);
}

// SPDX-License-Identifier: Apache-2.0
