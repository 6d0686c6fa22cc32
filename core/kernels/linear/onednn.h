// What our GEMMs ask of oneDNN beside dnnl_sgemm, and the one place where its versions 2 and 3
// differ. No other header shows oneDNN's.
#pragma once

#include <omp.h>

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace soragrad::kernels {

// While one lives, oneDNN starts no OpenMP threads: our tasks run side by side already.
class SingleThreaded {
 public:
  SingleThreaded() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~SingleThreaded() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_;
};

// Whether this processor multiplies bf16 itself: AVX-512 BF16 or AMX, as far as oneDNN may use them
// (the environment variable ONEDNN_MAX_CPU_ISA=AVX512_CORE forbids it).
bool has_native_bf16();
// Whether it does so by AVX-512 alone: an x86 without AMX, whose tiles are faster.
bool prefers_avx512_bf16();

// c (m, n) in fp32 = a (m, k) b (k, n) in bf16, a and c dense and row-major, b packed: in the
// layout that oneDNN reads fastest, which depends on n and k alone. Only where has_native_bf16().
class Bf16Product {
 public:
  // Made at the first use of a size and kept: tens of sizes cost nothing, thousands would.
  static const Bf16Product& of(int64_t m, int64_t n, int64_t k);

  size_t packed_bytes() const;  // of b, a multiple of 64
  // Rounds b, given with the elements between neighbours in a column and in a row, and packs it.
  void pack(const float* b, int64_t row_stride, int64_t column_stride, std::byte* packed) const;
  void multiply(const bfloat16* a, const std::byte* packed, float* c) const;

 private:
  struct Primitive;
  explicit Bf16Product(const Primitive& primitive) : primitive_(primitive) {}
  const Primitive& primitive_;
};

}  // namespace soragrad::kernels
