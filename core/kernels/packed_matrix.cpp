#include "core/kernels/packed_matrix.h"

#include "core/kernels/gemm.h"
#include "core/kernels/transpose.h"

namespace soragrad {

void PackedMatrix::forward(const real* x, const real* bias, real* y, int64_t rows) {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  if (weight_.device() == Device::cuda) {  // cuBLASLt reads either layout at the same speed
    kernels::gemm(Device::cuda, {.a = x,
                                 .b = weight_.data(),
                                 .c = y,
                                 .m = rows,
                                 .n = out,
                                 .k = in,
                                 .lda = in,
                                 .ldb = in,
                                 .ldc = out,
                                 .transpose_b = true,
                                 .bias = bias});
    return;
  }
  if (!transposed_.defined()) {
    transposed_ = Tensor::empty({in, out}, kReal, weight_.device());
    kernels::transpose(weight_.device(), {weight_.data(), transposed_.data(), out, in});
  }
  kernels::gemm(weight_.device(), {.a = x,
                                   .b = transposed_.data(),
                                   .c = y,
                                   .m = rows,
                                   .n = out,
                                   .k = in,
                                   .lda = in,
                                   .ldb = out,
                                   .ldc = out,
                                   .bias = bias});
}

void PackedMatrix::backward(const real* dy, real* dx, int64_t rows, bool accumulate) const {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  kernels::gemm(weight_.device(), {.a = dy,
                                   .b = weight_.data(),
                                   .c = dx,
                                   .m = rows,
                                   .n = in,
                                   .k = out,
                                   .lda = out,
                                   .ldb = in,
                                   .ldc = in,
                                   .accumulate = accumulate});
}

}  // namespace soragrad
