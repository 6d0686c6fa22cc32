// Linears with low-rank deltas, as rows of their products have them.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "autograd/joint_ops.h"
#include "autograd/ops.h"
#include "core/delta_matrix.h"
#include "tests/op_cases.h"
#include "tests/op_cases/products.h"

namespace soragrad::test {

// Linears of one input with a delta each; inputs are x, then weight, bias, A, B and gate of each.
struct Deltas {
  const char* what;
  int64_t rows, in, out;
  std::vector<int64_t> ranks;
  bool x_trains = true;
};
constexpr size_t kOfLinear = 5;
constexpr real kFactor = 0.7;
constexpr double kSplit = 2e-5;
constexpr const char* kSplitReason =
    "a GPU's numbers of a delta are split into two of bf16, which keeps them to 2^-16";

inline std::vector<OpInput> inputs_of(const Deltas& deltas) {
  std::vector<OpInput> inputs = {{normal({deltas.rows, deltas.in}, 50), deltas.x_trains}};
  uint64_t seed = 51;
  for (size_t i = 0; i < deltas.ranks.size(); ++i) {
    const int64_t rank = deltas.ranks[i];
    inputs.push_back({normal({deltas.out, deltas.in}, seed++), false});
    inputs.push_back({normal({deltas.out}, seed++), false});
    inputs.push_back({normal({rank, deltas.in}, seed++)});
    inputs.push_back({normal({deltas.out, rank}, seed++)});
    inputs.push_back({normal({rank}, seed++)});
  }
  return inputs;
}

inline LowRank delta_of(std::span<const Variable> linear) {
  return {linear[2], linear[3], linear[4], kFactor};
}

// The product of some Linears.
inline DeltaProduct product_of(std::span<const Variable> linears, size_t groups = 1) {
  std::vector<DeltaMatrix::Linear> parts;
  DeltaProduct product;
  for (size_t i = 0; i < linears.size(); i += kOfLinear) {
    parts.push_back({linears[i].value(), linears[i + 1].value(), linears[i + 2].size(0)});
    product.deltas.push_back(delta_of(linears.subspan(i)));
  }
  product.matrix = std::make_shared<const DeltaMatrix>(parts, groups);
  return product;
}

// One Linear with its delta from other ops.
inline Variable separate(const Variable& x, std::span<const Variable> linear) {
  const Variable bias = Variable(linear[1].value().view({1, linear[1].value().numel()}));
  const Variable y = add(rounded_product(x, linear[0]), broadcast_row(bias, x.size(0)));
  return low_rank_delta(y, x, linear[2], linear[3], linear[4], kFactor);
}

// The results of `linears` one below another.
inline Variable stacked(const Variable& x, std::span<const Variable> linears) {
  const int64_t rows = x.size(0), count = static_cast<int64_t>(linears.size() / kOfLinear);
  if (count == 1) return separate(x, linears);
  Variable all;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<int64_t> places;
    for (int64_t row = 0; row < rows; ++row) places.push_back(i * rows + row);
    const Variable y = separate(x, linears.subspan(static_cast<size_t>(i) * kOfLinear, kOfLinear));
    const Variable placed = matmul(one_hot(places, count * rows, x.device()), y, true, false);
    all = all.defined() ? add(all, placed) : placed;
  }
  return all;
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
