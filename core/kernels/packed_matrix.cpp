#include "core/kernels/packed_matrix.h"

#include "core/kernels/gemm.h"
#include "core/kernels/gemm_bf16.h"
#include "core/kernels/transpose.h"

namespace soragrad {

struct PackedMatrix::Product {
  const real* a;  // (rows, in), or (rows, out) backward
  real* c;        // (rows, out), or (rows, in) backward
  int64_t rows;
  bool forward;  // with W^T instead of W
  const real* bias = nullptr;
  bool accumulate = false;
};

void PackedMatrix::forward(const real* x, const real* bias, real* y, int64_t rows) {
  const Product product{.a = x, .c = y, .rows = rows, .forward = true, .bias = bias};
  precision_ == Precision::bf16 ? multiply_bf16(product) : multiply_fp32(product);
}

void PackedMatrix::backward(const real* dy, real* dx, int64_t rows, bool accumulate) {
  const Product product{.a = dy, .c = dx, .rows = rows, .forward = false, .accumulate = accumulate};
  precision_ == Precision::bf16 ? multiply_bf16(product) : multiply_fp32(product);
}

// The CPU is slower with a transposed weight; cuBLASLt reads either layout at the same speed.
void PackedMatrix::multiply_fp32(const Product& product) {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  const bool turned = product.forward && weight_.device() == Device::cpu;
  if (turned && !forward_.defined()) {
    forward_ = Tensor::empty({in, out}, kReal, weight_.device());
    kernels::transpose(weight_.device(), {weight_.data(), forward_.data(), out, in});
  }
  kernels::gemm(weight_.device(), {.a = product.a,
                                   .b = turned ? forward_.data() : weight_.data(),
                                   .c = product.c,
                                   .m = product.rows,
                                   .n = product.forward ? out : in,
                                   .k = product.forward ? in : out,
                                   .lda = product.forward ? in : out,
                                   .ldb = turned ? out : in,
                                   .ldc = product.forward ? out : in,
                                   .transpose_b = product.forward && !turned,
                                   .accumulate = product.accumulate,
                                   .bias = product.bias});
}

void PackedMatrix::multiply_bf16(const Product& product) {
  const Device device = weight_.device();
  const int64_t n = weight_.size(product.forward ? 0 : 1);
  const int64_t k = weight_.size(product.forward ? 1 : 0);
  Tensor& packed = product.forward || device == Device::cuda ? forward_ : backward_;
  if (!packed.defined()) {
    const size_t bytes = kernels::packed_bf16_bytes(device, k, n);
    packed = Tensor::empty({static_cast<int64_t>(bytes)}, DType::u8, device);
    kernels::pack_bf16(device, {.weight = weight_.data(),
                                .packed = packed.raw(),
                                .rows = weight_.size(0),
                                .columns = weight_.size(1),
                                .transpose = product.forward});
    weight_.storage()->drop_mapped_pages();
  }
  kernels::gemm_bf16(device, {.a = product.a,
                              .packed = packed.raw(),
                              .c = product.c,
                              .m = product.rows,
                              .n = n,
                              .k = k,
                              .transpose = product.forward,
                              .accumulate = product.accumulate,
                              .bias = product.bias});
}

}  // namespace soragrad
