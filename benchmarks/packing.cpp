// What a run spends once on laying out the frozen weights of DeBERTaV3-base for the products
// forward and backward (core/packed_matrix.h): the first pass over all Linears less a later one,
// for 16 rows, on one core.
#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "core/packed_matrix.h"
#include "core/parallel.h"

int main() {
  using namespace soragrad;
  constexpr int64_t kLayers = 12, kHidden = 768, kIntermediate = 3072, kRows = 16;
  set_num_threads(1);
  std::vector<PackedMatrix> linears;
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    for (int i = 0; i < 4; ++i) linears.emplace_back(Tensor::full({kHidden, kHidden}, 0.5F));
    linears.emplace_back(Tensor::full({kIntermediate, kHidden}, 0.5F));
    linears.emplace_back(Tensor::full({kHidden, kIntermediate}, 0.5F));
  }
  const Tensor x = Tensor::full({kRows, kIntermediate}, 1), y = Tensor::empty_like(x);
  const auto pass = [&] {
    const auto start = std::chrono::steady_clock::now();
    for (PackedMatrix& linear : linears) linear.forward(x.data(), nullptr, y.data(), kRows);
    for (PackedMatrix& linear : linears) linear.backward(x.data(), y.data(), kRows, false);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double first = pass();
  pass();
  fmt::print("packing takes {:.3f} s\n", first - pass());
}

// SPDX-License-Identifier: Apache-2.0
