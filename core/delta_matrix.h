// DeltaMatrix: the frozen weights of up to three Linears of one input, and beside them the border
// for their low-rank deltas, so that one bf16 product on a GPU computes the Linears with their
// deltas (core/kernels/linear/delta_product.h has the layout and the formulas). Several groups of
// such Linears, of equal sizes and each with an input of its own, can be one matrix, too. The CPU
// and fp32 take PackedMatrix and the kernel low_rank.
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
  struct Deltas {  // of all Linears
    const kernels::LowRankDelta* data;
    size_t count;
  };

  // True if there is such a product: on a GPU, for at most three Linears a group, of equal shapes
  // whose sizes are multiples of 8, and with the same ranks in each group.
  static bool fits(std::span<const Linear> linears, size_t groups = 1);
  // Packs the weights, which fit and must not change while this lives. The Linears of one group
  // follow one another.
  explicit DeltaMatrix(std::span<const Linear> linears, size_t groups = 1);
  // True if it was made of these: the same memory and ranks.
  bool is_of(std::span<const Linear> linears) const;

  int64_t groups() const { return groups_; }
  int64_t linears() const { return static_cast<int64_t>(linears_.size()) / groups_; }  // of a group
  int64_t in() const { return in_; }
  int64_t out() const { return out_; }

  // What a product multiplies: rows with the deltas' columns. A kernel makes it of x forward, of dy
  // backward: delta_operand, or LayerNorm or attention together with the rows (*_operand.h below
  // core/kernels/). What belongs to each delta lies one after another.
  struct Operand {
    bool forward;
    Tensor rows;       // BF16 (groups * rows, k); undefined: only sums and scaled are wanted
    Tensor sums;       // (rows, rank): u = x A^T, or dh = dy B
    Tensor scaled;     // (rows, rank): du = s * dh; undefined forward
    Tensor b_by_rank;  // (rank, out): B^T, which forward writes and backward reads
  };
  // Memory for the operand of x (rows, in).
  Operand forward_operand(int64_t rows, const Deltas& deltas) const;
  // Memory for the operand of dy, (rows, out) of each Linear, one after another, of one group.
  // `has_rows`: dx is wanted.
  Operand backward_operand(int64_t rows, const Deltas& deltas, const Tensor& b_by_rank,
                           bool has_rows) const;
  // The arguments of the kernel that makes an operand of `from`, x or dy: for the deltas from
  // number `first` on, as many as one launch takes.
  kernels::DeltaOperandArgs kernel_args(const Operand& operand, const real* from,
                                        const Deltas& deltas, int64_t first = 0) const;

  // y_i = x W_i^T + bias_i + (s_i * u_i) B_i^T
  struct Forward {
    const Tensor& operand;  // its rows
    real* y;                // (rows, out) of each Linear, one after another
    real* gelu = nullptr;   // as y: gelu(y) is written, too
  };
  void forward(const Forward& args) const;

  struct Backward {
    const Tensor& operand;  // its rows; of one group
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
  int64_t group_pitch() const { return (rows_of_weights() + border_) * pitch(); }
  bfloat16* weights() const { return bordered_.data<bfloat16>(); }

  std::vector<Linear> linears_;
  uint64_t versions_;  // of all weights and biases, see versions_of()
  int64_t groups_, in_, out_;
  int64_t border_ = 0;  // width of a group's border
  Tensor bordered_;     // BF16 (groups, rows_of_weights() + border_, pitch())
  Tensor bias_;         // (Linears, out)
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
