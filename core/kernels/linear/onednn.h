// What our GEMMs use of oneDNN beside dnnl_sgemm. onednn.cpp hides the difference between its
// versions 2 and 3, and no other header includes oneDNN's.
#pragma once

#include <omp.h>

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace soragrad::kernels {

// While one lives, oneDNN uses only the calling thread: our tasks already run on all cores. It sets
// the thread's OpenMP limit to 1 and restores it.
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

// True if this processor has instructions for bf16 products, AVX-512 BF16 or AMX, and oneDNN may
// use them. ONEDNN_MAX_CPU_ISA=AVX512_CORE in the environment forbids them.
bool has_native_bf16();
// True if it has AVX-512 BF16 but not AMX. With AMX oneDNN's product is faster than our own.
bool prefers_avx512_bf16();

// c (m, n) = a (m, k) b (k, n): a and b in bf16, c and all sums in fp32. a and c are dense and
// row-major; b is packed in the layout that oneDNN reads fastest, which depends on n and k but not
// on m. Use only if has_native_bf16().
class Bf16Product {
 public:
  // The product of these sizes. Generated at the first use and kept for the process: keep the
  // number of sizes in the tens. May be called from several threads.
  static const Bf16Product& of(int64_t m, int64_t n, int64_t k);

  size_t packed_bytes() const;  // size of the packed b, a multiple of 64
  // Rounds b to bf16 and packs it. Element (p, j) of b is b[p * row_stride + j * column_stride].
  void pack(const float* b, int64_t row_stride, int64_t column_stride, std::byte* packed) const;
  // Runs on the calling thread. Throws Error with oneDNN's status if it fails.
  void multiply(const bfloat16* a, const std::byte* packed, float* c) const;

 private:
  struct Primitive;
  explicit Bf16Product(const Primitive& primitive) : primitive_(primitive) {}
  const Primitive& primitive_;
};

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
