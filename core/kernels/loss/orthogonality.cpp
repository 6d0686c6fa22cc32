// A task is one matrix; the norms are added in the order of the parts, so no thread count changes a
// bit. Loops run along the dimension that is contiguous in memory.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/loss/orthogonality.cpp"
#include "core/kernels/simd.h"
// The lines above compile this file once for each SIMD target (simd.h).

#include <algorithm>
#include <cmath>

#include "core/kernels/loss/orthogonality.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

inline real dot(const real* a, const real* b, int64_t n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

// y += factor x.
inline void add_scaled(real factor, const real* HWY_RESTRICT x, real* HWY_RESTRICT y, int64_t n) {
  for (int64_t k = 0; k < n; ++k) y[k] += factor * x[k];
}

// Fills part.gram with G and returns its norm. Rows: dot products of pairs of rows, each used
// twice. Columns: the sum of outer products of the stored rows.
double gram_norm(const OrthogonalityArgs::Part& part) {
  const int64_t rank = part.rank;
  std::fill_n(part.gram, rank * rank, real(0));
  if (part.columns) {
    for (int64_t k = 0; k < part.length; ++k) {
      const real* x = part.x + k * rank;
      for (int64_t i = 0; i < rank; ++i) add_scaled(x[i], x, part.gram + i * rank, rank);
    }
  } else {
    for (int64_t i = 0; i < rank; ++i) {
      for (int64_t j = 0; j <= i; ++j) {
        const real product = dot(part.x + i * part.length, part.x + j * part.length, part.length);
        part.gram[i * rank + j] = part.gram[j * rank + i] = product;
      }
    }
  }
  double squares = 0;
  for (int64_t i = 0; i < rank; ++i) part.gram[i * rank + i] -= 1;
  for (int64_t i = 0; i < rank * rank; ++i) {
    squares += static_cast<double>(part.gram[i]) * static_cast<double>(part.gram[i]);
  }
  return std::sqrt(squares);
}

// dM = slope * G M with slope = 2 dr / r. G is symmetric, so the transposed form is dM^T = slope *
// M^T G.
void gram_backward(const OrthogonalityArgs::Part& part, real dr) {
  const int64_t rank = part.rank, length = part.length;
  double squares = 0;
  for (int64_t i = 0; i < rank * rank; ++i) {
    squares += static_cast<double>(part.gram[i]) * static_cast<double>(part.gram[i]);
  }
  const real slope = squares > 0 ? static_cast<real>(2 * dr / std::sqrt(squares)) : real(0);
  real* dx = part.dx.data;
  if (!part.dx.accumulate) std::fill_n(dx, rank * length, real(0));
  if (part.columns) {
    for (int64_t k = 0; k < length; ++k) {
      for (int64_t i = 0; i < rank; ++i) {
        add_scaled(slope * part.x[k * rank + i], part.gram + i * rank, dx + k * rank, rank);
      }
    }
    return;
  }
  for (int64_t i = 0; i < rank; ++i) {
    for (int64_t j = 0; j < rank; ++j) {
      add_scaled(slope * part.gram[i * rank + j], part.x + j * length, dx + i * length, length);
    }
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(gram_norm);
HWY_EXPORT(gram_backward);

void orthogonality_cpu(const OrthogonalityArgs& args) {
  double norms[OrthogonalityArgs::kMaxParts];
  parallel_for(args.count, [&](int64_t part) {
    norms[part] = HWY_DYNAMIC_DISPATCH(gram_norm)(args.parts[part]);
  });
  double sum = 0;
  for (int part = 0; part < args.count; ++part) sum += norms[part];
  const auto scaled = static_cast<real>(static_cast<double>(args.factor) * sum);
  *args.y = args.adds ? *args.y + scaled : scaled;
}

void orthogonality_backward_cpu(const OrthogonalityArgs& args) {
  const real dr = args.factor * *args.dy;
  parallel_for(args.count, [&](int64_t part) {
    if (args.parts[part].dx.data) HWY_DYNAMIC_DISPATCH(gram_backward)(args.parts[part], dr);
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
