// A weight matrix in the blocked layouts that the GEMM library reads fastest, made once for a
// frozen weight: one layout for y = x W^T, one for dx = dy W, each packed at its first use.
#pragma once

#include <cstdint>
#include <memory>

#include "core/tensor.h"

namespace soragrad {

class PackedMatrix {
 public:
  // Of weight (out, in), which is kept alive (it may be the only copy that packing reads later).
  explicit PackedMatrix(Tensor weight);
  ~PackedMatrix();

  const Tensor& weight() const;
  // y (rows, out) = x (rows, in) W^T + bias; bias (out) may be null.
  void forward(const real* x, const real* bias, real* y, int64_t rows);
  // dx (rows, in) = dy (rows, out) W.
  void backward(const real* dy, real* dx, int64_t rows);
  // Bytes held beside the weight.
  int64_t packed_bytes() const;

 private:
  struct Layouts;
  std::unique_ptr<Layouts> layouts_;
};

}  // namespace soragrad
