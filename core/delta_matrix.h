// DeltaMatrix: the frozen weights of up to three Linears of one input, and beside them the border
// for their low-rank deltas, so that one bf16 product on a GPU computes the Linears with their
// deltas (core/kernels/linear/delta_product.h has the layout and the formulas). The CPU and fp32
// take PackedMatrix and the kernel low_rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace soragrad {

namespace kernels {
struct LowRankDelta;  // core/kernels/linear/low_rank.h
}

class DeltaMatrix {
 public:
  struct Linear {
    Tensor weight;  // (out, in), frozen
    Tensor bias;    // (out), frozen
    int64_t rank;   // of the delta
  };
  struct Deltas {  // of the first Linears
    const kernels::LowRankDelta* data;
    size_t count;
  };

  // True if there is such a product: on a GPU, for at most three Linears of equal shapes whose
  // sizes are multiples of 8.
  static bool fits(std::span<const Linear> linears);
  // Packs the weights, which fit and must not change while this lives.
  explicit DeltaMatrix(std::span<const Linear> linears);
  // True if it was made of these: the same memory and ranks.
  bool is_of(std::span<const Linear> linears) const;

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }

  // For as many Linears as there are deltas:
  //   y_i = x W_i^T + bias_i + (s_i * u_i) B_i^T,  u_i = x A_i^T
  struct Forward {
    const real* x;  // (rows, in)
    int64_t rows;
    Deltas deltas;
    real* u;               // (rows, rank) of each delta, one after another
    real* y;               // (rows, out) of each, one after another
    real* gelu = nullptr;  // as y: gelu(y) is written, too
  };
  void forward(const Forward& args) const;

  // dh_i = dy_i B_i and du_i = s_i * dh_i, laid out as u, and then for dx one of three:
  struct Backward {
    const real* dy;  // (rows, out) of each delta, one after another
    int64_t rows;
    Deltas deltas;
    real *dh, *du;
    // dx (rows, in) = [dx +] sum over i of dy_i W_i + du_i A_i, for all Linears. Null: not wanted.
    real* dx = nullptr;
    bool accumulate = false;
    // Where x = gelu(before): dx = (sum + the above) gelu'(before). sum may be null: nothing. It is
    // overwritten.
    const real* before = nullptr;
    real* sum = nullptr;
  };
  void backward(const Backward& args) const;

 private:
  // The operands of the product, (rows, k).
  Tensor forward_operand(const Forward& args, int64_t k) const;
  Tensor backward_operand(const Backward& args, int64_t k) const;
  int64_t rows_of_weights() const { return static_cast<int64_t>(linears_.size()) * out_; }
  int64_t pitch() const { return in_ + border_; }
  bfloat16* weights() const { return bordered_.data<bfloat16>(); }

  std::vector<Linear> linears_;
  int64_t in_, out_, border_ = 0;
  Tensor bordered_;  // BF16 (rows_of_weights() + border_, pitch())
  Tensor bias_;      // (Linears, out)
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
