#include "core/packed_matrix.h"

#include <algorithm>

#include "core/kernels/elementwise/unary.h"
#include "core/kernels/linear/gemm.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/kernels/linear/gemm_gelu.h"
#include "core/kernels/linear/gemm_packed.h"

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

// One GEMM with the weight as it is stored. The weight is (out, in): y = x W^T forward, dx = dy W.
void PackedMatrix::multiply_plain(const Product& product) {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  kernels::gemm(weight_.device(), {.a = product.a,
                                   .b = weight_.data(),
                                   .c = product.c,
                                   .m = product.rows,
                                   .n = product.forward ? out : in,
                                   .k = product.forward ? in : out,
                                   .lda = product.forward ? in : out,
                                   .ldb = in,
                                   .ldc = product.forward ? out : in,
                                   .transpose_b = product.forward,
                                   .accumulate = product.accumulate,
                                   .bias = product.bias});
}

// The weight in panels, made for this call alone if it saves memory.
Tensor PackedMatrix::packed_fp32(bool forward) {
  const std::lock_guard lock(mutex_);  // a second thread waits until the copy is complete
  Tensor& kept = forward ? forward_ : backward_;
  if (kept.defined()) return kept;
  Tensor packed = Tensor::empty_like(weight_);
  const int64_t rows = weight_.size(0), columns = weight_.size(1);
  if (!forward && saves_memory_ && forward_.defined()) {
    kernels::turn_panels(Device::cpu, {forward_.data(), packed.data(), rows, columns});
    return packed;
  }
  kernels::pack_panels(Device::cpu, {.weight = weight_.data(),
                                     .packed = packed.data(),
                                     .rows = rows,
                                     .columns = columns,
                                     .transpose = forward});
  weight_.storage()->drop_mapped_pages();
  return kept = packed;
}

// Packing reads the weight once, so it pays for weights that are multiplied again: always forward,
// backward only if the weight is frozen and stays. cuBLASLt reads the weight in either direction at
// the same speed, so nothing is packed for it.
void PackedMatrix::multiply_fp32(const Product& product) {
  const bool worth_packing = product.forward || reused_;
  if (weight_.device() == Device::cuda || !worth_packing) return multiply_plain(product);
  const Tensor packed = packed_fp32(product.forward);
  const int64_t out = weight_.size(0), in = weight_.size(1);
  kernels::gemm_packed(Device::cpu, {.a = product.a,
                                     .packed = packed.data(),
                                     .c = product.c,
                                     .m = product.rows,
                                     .n = product.forward ? out : in,
                                     .k = product.forward ? in : out,
                                     .accumulate = product.accumulate,
                                     .bias = product.bias});
}

// The weight in bf16, packed for this direction. CUDA has one copy for both.
const std::byte* PackedMatrix::packed_bf16(bool forward) {
  const std::lock_guard lock(mutex_);  // as in packed_fp32()
  const Device device = weight_.device();
  Tensor& packed = forward || device == Device::cuda ? forward_ : backward_;
  if (!packed.defined()) {
    const int64_t n = weight_.size(forward ? 0 : 1), k = weight_.size(forward ? 1 : 0);
    const size_t bytes = kernels::packed_bf16_bytes(device, k, n);
    packed = Tensor::empty({static_cast<int64_t>(bytes)}, DType::u8, device);
    kernels::pack_bf16(device, {.weight = weight_.data(),
                                .packed = packed.raw(),
                                .rows = weight_.size(0),
                                .columns = weight_.size(1),
                                .transpose = forward});
    weight_.storage()->drop_mapped_pages();
  }
  return packed.raw();
}

void PackedMatrix::multiply_bf16(const Product& product) {
  kernels::gemm_bf16(weight_.device(), {.a = product.a,
                                        .packed = packed_bf16(product.forward),
                                        .c = product.c,
                                        .m = product.rows,
                                        .n = weight_.size(product.forward ? 0 : 1),
                                        .k = weight_.size(product.forward ? 1 : 0),
                                        .transpose = product.forward,
                                        .accumulate = product.accumulate,
                                        .bias = product.bias});
}

void PackedMatrix::weight_gradient(const real* dy, const real* x, real* dw, int64_t rows,
                                   bool accumulate) const {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  if (precision_ == Precision::bf16) {
    return kernels::weight_gradient_bf16(
        weight_.device(),
        {.dy = dy, .x = x, .dw = dw, .rows = rows, .out = out, .in = in, .accumulate = accumulate});
  }
  kernels::gemm(weight_.device(), {.a = dy,
                                   .b = x,
                                   .c = dw,
                                   .m = out,
                                   .n = in,
                                   .k = rows,
                                   .lda = out,
                                   .ldb = in,
                                   .ldc = in,
                                   .transpose_a = true,
                                   .accumulate = accumulate});
}

void PackedMatrix::forward_gelu(const ForwardGelu& args) {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  const Device device = weight_.device();
  if (precision_ == Precision::bf16 && device == Device::cuda &&
      kernels::gemm_gelu({.x = args.x,
                          .weight = packed_bf16(true),
                          .bias = args.bias,
                          .before = args.before,
                          .y = args.y,
                          .m = args.rows,
                          .n = out,
                          .k = in})) {
    return;
  }
  // On the CPU the GELU of a stripe of rows finds it in the caches, if the weight fits into them as
  // well, which every stripe reads. No product depends on other rows, so no bit changes.
  constexpr int64_t kStripe = 256, kElements = int64_t{1} << 19;
  const bool small = device == Device::cpu && weight_.numel() <= kElements;
  const int64_t stripe = small ? kStripe : args.rows;
  for (int64_t row = 0; row < args.rows; row += stripe) {
    const int64_t rows = std::min(stripe, args.rows - row);
    real* before = args.before + row * out;
    forward(args.x + row * in, args.bias, before, rows);
    kernels::gelu(device, {.x = before, .y = args.y + row * out, .n = rows * out});
  }
}

void PackedMatrix::backward_gelu(const BackwardGelu& args) {
  const int64_t out = weight_.size(0), in = weight_.size(1);
  const Device device = weight_.device();
  if (precision_ == Precision::bf16 && device == Device::cuda &&
      kernels::gemm_gelu_backward({.dy = args.dy,
                                   .weight = packed_bf16(false),
                                   .sum = args.sum,
                                   .before = args.before,
                                   .dbefore = args.dbefore,
                                   .m = args.rows,
                                   .n = in,
                                   .k = out})) {
    return;
  }
  Tensor own;  // of dy W, if no other op has begun the sum
  if (!args.sum) own = Tensor::empty({args.rows, in}, kReal, device);
  real* sum = args.sum ? args.sum : own.data();
  backward(args.dy, sum, args.rows, args.sum != nullptr);
  kernels::gelu_backward(device,
                         {.x = args.before, .dy = sum, .dx = args.dbefore, .n = args.rows * in});
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
