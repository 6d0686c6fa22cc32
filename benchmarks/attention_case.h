// Inputs of attention at the size of DeBERTaV3-base, for benchmarks of attention alone: sequences
// of one length, with a row of the position tables for every distance.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/kernels/attention/attention.h"
#include "core/rng.h"
#include "core/tensor.h"

namespace soragrad {

// Uniform in (-3, 3).
inline Tensor uniform(const Shape& shape, Device device = Device::cpu) {
  constexpr RandomStream kStream{.seed = 1, .site = 2, .step = 3};
  Tensor x = Tensor::empty(shape);
  for (int64_t i = 0; i < x.numel(); ++i) {
    const uint32_t word = philox(kStream, static_cast<uint64_t>(i)).bits[0];
    x.data()[i] = static_cast<real>(word) * (real(6) / real(4294967296.0)) - 3;
  }
  return x.to(device);
}

struct AttentionCase {
  static constexpr int64_t kHidden = 768, kHeads = 12;

  AttentionCase(int64_t tokens, int64_t tokens_of_one, Device device = Device::cpu)
      : length(tokens_of_one),
        sequences(tokens / tokens_of_one),
        q(uniform({sequences * length, kHidden}, device)),
        table(uniform({2 * length - 1, kHidden}, device)),
        log_sum(Tensor::zeros({sequences * length, kHeads}, kReal, device)) {
    std::vector<int64_t> ends;
    for (int64_t s = 0; s <= sequences; ++s) ends.push_back(s * length);
    offsets = Tensor::from(ends, {sequences + 1}, device);
    std::vector<int32_t> rows(static_cast<size_t>(2 * length - 1));
    std::iota(rows.begin(), rows.end(), 0);
    distance_row = Tensor::from(rows, {2 * length - 1}, device);
  }

  kernels::AttentionArgs forward(bool positions = true, bool bf16 = false) const {
    const double terms = positions ? 3 : 1;
    return {.q = q.data(),
            .k = k.data(),
            .v = v.data(),
            .position_key = positions ? table.data() : nullptr,
            .position_query = positions ? table.data() : nullptr,
            .offsets = offsets.data<int64_t>(),
            .distance_row = positions ? distance_row.data<int32_t>() : nullptr,
            .y = y.data(),
            .log_sum = log_sum.data(),
            .tokens = sequences * length,
            .sequences = sequences,
            .heads = kHeads,
            .head_size = kHidden / kHeads,
            .max_length = length,
            .positions = positions ? 2 * length - 1 : 0,
            .scale = static_cast<real>(1 / std::sqrt(terms * kHidden / kHeads)),
            .drop_threshold = drop_threshold(0.1),
            .keep_scale = 1,
            .stream = {.seed = 1, .site = 2, .step = 3},
            .bf16 = bf16,
            .pairs = sequences * length * length};
  }
  kernels::AttentionBackwardArgs backward(bool positions = true, bool bf16 = false) const {
    return {.forward = forward(positions, bf16),
            .dy = q.data(),
            .dq = dq.data(),
            .dk = dk.data(),
            .dv = dv.data(),
            .dposition_key = positions ? dtable.data() : nullptr,
            .dposition_query = positions ? dtable.data() : nullptr};
  }

  int64_t length, sequences;
  Tensor q, k = q.clone(), v = q.clone(), y = q.clone();
  Tensor dq = q.clone(), dk = q.clone(), dv = q.clone();
  Tensor table, dtable = table.clone();
  Tensor log_sum, offsets, distance_row;
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
