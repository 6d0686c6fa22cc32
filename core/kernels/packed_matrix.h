// A frozen weight in the layout that the GEMM reads fastest, made once at its first use.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace soragrad {

class PackedMatrix {
 public:
  // Of weight (out, in), whose elements are shared, not copied.
  explicit PackedMatrix(Tensor weight) : weight_(std::move(weight)) {}

  const Tensor& weight() const { return weight_; }
  // y (rows, out) = x (rows, in) W^T + bias; bias (out) may be null.
  void forward(const real* x, const real* bias, real* y, int64_t rows);
  // dx (rows, in) = dy (rows, out) W, or added to dx.
  void backward(const real* dy, real* dx, int64_t rows, bool accumulate) const;

 private:
  Tensor weight_;
  Tensor transposed_;  // (in, out): what forward() reads; backward() reads the weight as it is
};

}  // namespace soragrad
