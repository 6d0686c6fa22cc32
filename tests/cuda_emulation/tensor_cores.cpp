// The tensor cores of the emulated GPU: sums in order, or as the real ones cut them.
#include <algorithm>
#include <cmath>

#include "core/dtype.h"
#include "tests/cuda_emulation/cuda_emulation.h"

namespace soragrad::cuda_emulation {
namespace {

constexpr unsigned kWarpSize = 32;
bool truncates = false;

float sum_in_order(float c, const float (&row)[16], const float (&column)[16]) {
  for (int k = 0; k < 16; ++k) c += row[k] * column[k];
  return c;
}

// As a tensor core adds: the exact products and c are cut, not rounded, at 2^-24 of the largest of
// them, and so is the sum (Fasi et al., "Numerical behavior of NVIDIA tensor cores", 2021).
float truncated_sum(float c, const float (&row)[16], const float (&column)[16]) {
  double terms[17] = {c}, largest = std::abs(static_cast<double>(c));
  for (int k = 0; k < 16; ++k) {
    terms[k + 1] = static_cast<double>(row[k]) * static_cast<double>(column[k]);
    largest = std::max(largest, std::abs(terms[k + 1]));
  }
  if (largest == 0 || !std::isfinite(largest)) return sum_in_order(c, row, column);
  const double unit = std::ldexp(1.0, std::ilogb(largest) - 24);
  double sum = 0;
  for (const double term : terms) sum += std::trunc(term / unit);
  const double cut = std::abs(sum) * unit;
  const double last = std::ldexp(1.0, std::max(std::ilogb(cut), -126) - 23);
  return static_cast<float>(std::copysign(cut == 0 ? 0 : std::trunc(cut / last) * last, sum));
}

}  // namespace

void set_truncating_tensor_cores(bool truncating) {
  run_all();
  truncates = truncating;
}

// PTX ISA, "Matrix fragments for mma.m16n8k16 with floating point type": element i of the lane of
// group l / 4 and place l % 4.
void mma_m16n8k16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const auto both = [](uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; };
  const Words* lanes = exchange({both(a[0], a[1]), both(a[2], a[3]), both(b[0], b[1])});
  // Element i of four a word.
  const auto element = [](const uint64_t* words, int i) {
    return to_float(bfloat16{static_cast<uint16_t>(words[i / 4] >> (16 * (i % 4)))});
  };
  const int lane = static_cast<int>(running_thread() % kWarpSize);
  float rows[2][16], columns[2][16];  // what this lane's results need
  for (int place = 0; place < 4; ++place) {
    for (int i = 0; i < 8; ++i) {
      const int k = 2 * place + i % 2 + (i < 4 ? 0 : 8);
      rows[i % 4 < 2 ? 0 : 1][k] = element(lanes[lane / 4 * 4 + place].data(), i);
    }
    for (int i = 0; i < 4; ++i) {
      const int k = 2 * place + i % 2 + (i < 2 ? 0 : 8);
      for (int n = 0; n < 2; ++n) {
        columns[n][k] = element(&lanes[(2 * (lane % 4) + n) * 4 + place][2], i);
      }
    }
  }
  for (int i = 0; i < 4; ++i) {
    c[i] = truncates ? truncated_sum(c[i], rows[i / 2], columns[i % 2])
                     : sum_in_order(c[i], rows[i / 2], columns[i % 2]);
  }
}

// PTX ISA, "Warp-level matrix load instruction: ldmatrix".
void load_matrices(uint32_t (&pair)[4], const MatrixRow& row, bool transposed) {
  const Words* lanes = exchange({row.half[0], row.half[1]});
  const auto element = [&](int matrix, int r, int c) {
    const uint64_t half = lanes[8 * matrix + r][static_cast<size_t>(c / 4)];
    return static_cast<uint32_t>(half >> (16 * (c % 4)) & 0xffffu);
  };
  const int lane = static_cast<int>(running_thread() % kWarpSize), g = lane / 4, t = lane % 4 * 2;
  for (int m = 0; m < 4; ++m) {
    pair[m] = transposed ? element(m, t, g) | element(m, t + 1, g) << 16
                         : element(m, g, t) | element(m, g, t + 1) << 16;
  }
}

}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
