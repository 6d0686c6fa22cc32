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
struct LowRankDelta;      // core/kernels/linear/low_rank.h
struct DeltaOperandArgs;  // core/kernels/linear/delta_product.h
}  // namespace kernels

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

  int64_t linears() const { return static_cast<int64_t>(linears_.size()); }
  int64_t in() const { return in_; }
  int64_t out() const { return out_; }

  // What a product multiplies: rows with the deltas' columns. A kernel makes it of x forward, of dy
  // backward: delta_operand, or a LayerNorm together with the rows (norm/layer_norm_operand.h).
  // What belongs to each delta lies one after another.
  struct Operand {
    bool forward;
    Tensor rows;       // BF16; undefined: only sums and scaled are wanted
    Tensor sums;       // (rows, rank): u = x A^T, or dh = dy B
    Tensor scaled;     // (rows, rank): du = s * dh; undefined forward
    Tensor b_by_rank;  // (rank, out): B^T, which forward writes and backward reads
  };
  // Memory for the operand of x (rows, in), for the first Linears.
  Operand forward_operand(int64_t rows, const Deltas& deltas) const;
  // Memory for the operand of dy, (rows, out) of each Linear, one after another. `has_rows`: dx is
  // wanted.
  Operand backward_operand(int64_t rows, const Deltas& deltas, const Tensor& b_by_rank,
                           bool has_rows) const;
  // The arguments of the kernel that makes an operand of `from`, x or dy.
  kernels::DeltaOperandArgs kernel_args(const Operand& operand, const real* from,
                                        const Deltas& deltas) const;

  // For the Linears of the operand: y_i = x W_i^T + bias_i + (s_i * u_i) B_i^T
  struct Forward {
    const Tensor& operand;  // its rows
    int64_t count;          // of Linears
    real* y;                // (rows, out) of each, one after another
    real* gelu = nullptr;   // as y: gelu(y) is written, too
  };
  void forward(const Forward& args) const;

  struct Backward {
    const Tensor& operand;  // its rows, for all Linears
    // dx (rows, in) = [dx +] sum over i of dy_i W_i + du_i A_i
    real* dx;
    bool accumulate = false;
    // Where x = gelu(before): dx = (sum + the above) gelu'(before). sum may be null: nothing. It is
    // overwritten.
    const real* before = nullptr;
    real* sum = nullptr;
  };
  void backward(const Backward& args) const;

 private:
  int64_t rows_of_weights() const { return linears() * out_; }
  int64_t pitch() const { return in_ + border_; }
  bfloat16* weights() const { return bordered_.data<bfloat16>(); }

  std::vector<Linear> linears_;
  int64_t in_, out_, border_ = 0;
  Tensor bordered_;  // BF16 (rows_of_weights() + border_, pitch())
  Tensor bias_;      // (Linears, out)
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
