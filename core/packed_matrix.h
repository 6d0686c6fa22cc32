// PackedMatrix: a frozen weight, packed at its first use into the layout that the matrix product
// reads fastest. Forward and backward need different layouts on the CPU; each is made when it is
// first needed. CUDA's fp32 products read the weight itself. Several threads may multiply at a
// time.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "core/precision.h"
#include "core/tensor.h"

namespace soragrad {

class PackedMatrix {
 public:
  // Takes weight (out, in), whose elements are shared, not copied, and must not change while this
  // lives. `reused`: it will serve many steps. If not, backward reads an fp32 weight as it is,
  // because packing it for one product would take longer than it saves.
  explicit PackedMatrix(Tensor weight, Precision precision = Precision::fp32, bool reused = true)
      : weight_(std::move(weight)),
        version_(weight_.storage()->version()),
        precision_(precision),
        reused_(reused) {}

  // Half the memory for some time: of an fp32 weight that is reused, the CPU keeps the layout of
  // forward alone, and every backward makes its own from that. Same bits.
  void save_memory() { saves_memory_ = true; }

  const Tensor& weight() const { return weight_; }
  // Whether it was made of this tensor, which nobody has written since (Storage::begin_write).
  bool is_of(const Tensor& weight) const {
    return weight.raw() == weight_.raw() && weight.storage()->version() == version_;
  }
  Precision precision() const { return precision_; }
  // y (rows, out) = x (rows, in) W^T + bias; bias (out) may be null. Pointers are on the weight's
  // device.
  void forward(const real* x, const real* bias, real* y, int64_t rows);
  // dx (rows, in) = dy (rows, out) W, or dx += dy W with `accumulate`.
  void backward(const real* dy, real* dx, int64_t rows, bool accumulate);

  // dw (out, in) = dy^T x, or dw += dy^T x with `accumulate`: the sum over the rows. In bf16 both
  // are rounded; sums are fp32.
  void weight_gradient(const real* dy, const real* x, real* dw, int64_t rows,
                       bool accumulate) const;

  // forward() and backward() with the GELU of elementwise/unary.def. In bf16 on a GPU one kernel of
  // cuDNN each, if the build has cuDNN and it has a kernel for the shape
  // (kernels/linear/gemm_gelu.h). before = x W^T + bias and y = gelu(before), both (rows, out).
  struct ForwardGelu {
    const real* x;     // (rows, in)
    const real* bias;  // (out) or null
    real* before;
    real* y;
    int64_t rows;
  };
  void forward_gelu(const ForwardGelu& args);
  // dbefore = (sum + dy W) gelu'(before), all but dy (rows, in).
  struct BackwardGelu {
    const real* dy;  // (rows, out)
    real* sum;       // what other ops have added; null: nothing. It is overwritten.
    const real* before;
    real* dbefore;
    int64_t rows;
  };
  void backward_gelu(const BackwardGelu& args);

  // The bf16 weight as gemm_bf16 reads it forward or backward, for kernels with a product in them.
  const std::byte* packed_bf16(bool forward);

 private:
  struct Product;  // c = a op(W) [+ c] [+ bias]
  void multiply_fp32(const Product& product);
  Tensor packed_fp32(bool forward);
  void multiply_plain(const Product& product);
  void multiply_bf16(const Product& product);

  Tensor weight_;
  uint64_t version_;  // of its elements
  Precision precision_;
  bool reused_, saves_memory_ = false;
  std::mutex mutex_;           // of the packed copies
  Tensor forward_, backward_;  // packed copies; undefined until needed, or if the weight is read
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
