// A frozen weight in the layout that the GEMM reads fastest, made once at its first use.
#pragma once

#include <utility>

#include "core/precision.h"
#include "core/tensor.h"

namespace soragrad {

class PackedMatrix {
 public:
  // Of weight (out, in), whose elements are shared, not copied. `reused`: it serves many steps. For
  // one alone an fp32 weight is read by backward as it is: laying it out would take longer.
  explicit PackedMatrix(Tensor weight, Precision precision = Precision::fp32, bool reused = true)
      : weight_(std::move(weight)), precision_(precision), reused_(reused) {}

  const Tensor& weight() const { return weight_; }
  Precision precision() const { return precision_; }
  // y (rows, out) = x (rows, in) W^T + bias; bias (out) may be null.
  void forward(const real* x, const real* bias, real* y, int64_t rows);
  // dx (rows, in) = dy (rows, out) W, or added to dx.
  void backward(const real* dy, real* dx, int64_t rows, bool accumulate);

 private:
  struct Product;  // c = a op(W) [+ c] [+ bias]
  void multiply_fp32(const Product& product);
  void multiply_plain(const Product& product);
  void multiply_bf16(const Product& product);

  Tensor weight_;
  Precision precision_;
  bool reused_;
  Tensor forward_, backward_;  // packed; undefined until used, or where the weight itself will do
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
