// Linear: y = x weight^T + bias (torch.nn.Linear), to which a fine-tuning method can attach a
// Delta.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autograd/joint_ops.h"
#include "autograd/ops.h"
#include "core/packed_matrix.h"
#include "nn/activation.h"
#include "nn/module.h"

namespace soragrad::nn {

class Linear;

// Finds the one product that a GPU has for Linears of one input and their Deltas
// (autograd/joint_ops.h), and keeps its packed weights.
class JointProduct {
 public:
  // Nothing if there is none in this pass: on the CPU, in fp32, for sizes that do not fit, for
  // trainable weights, and without a low-rank Delta on each of the Linears. With several groups,
  // the Linears of each follow one another (core/delta_matrix.h).
  std::optional<DeltaProduct> find(std::span<Linear* const> linears, const Pass& pass,
                                   size_t groups = 1);

 private:
  std::shared_ptr<const DeltaMatrix> matrix_;
};

class Linear : public Module {
 public:
  // What a fine-tuning method attaches to a Linear. It acts in every call of the Linear: DeBERTa
  // also calls query_proj and key_proj on the relative embeddings. A Delta's parameters register as
  // children of the Linear, so their paths begin with the Linear's.
  class Delta {
   public:
    virtual ~Delta() = default;
    // Takes the input x (rows, in) and the Linear's result y (rows, out), which is moved in so that
    // it may be changed in place. Returns what the Linear returns instead.
    virtual Variable forward(const Variable& x, Variable y, const Pass& pass) = 0;
    // False: forward() adds to y without reading it, so that no gradient needs the value of y.
    virtual bool reads_result() const { return true; }
    // The factors, if in this pass forward() is low_rank_delta(y, x, factors) and nothing else. A
    // GPU can then compute the Delta within the Linear's product.
    virtual std::optional<LowRank> low_rank(const Pass& /*pass*/) const { return {}; }
  };

  Linear(Module* parent, std::string name, int64_t in, int64_t out);

  // x (rows, in) -> (rows, out). A frozen weight is packed for the GEMM at its first use and again
  // after it was replaced; a trainable one is packed in every call. Elements of a
  // frozen weight that kernels change in place are not seen: write them by Tensor::elements(),
  // copy_from() or assign().
  Variable forward(const Variable& x, const Pass& pass);
  // activation(forward(x)), and the Linear that follows it. A GELU between two Linears goes into
  // their products where the device has such kernels (autograd/ops.h: linear_gelu). A Delta is
  // added between product and activation: the first product has no GELU in it, unless the Delta is
  // part of the product.
  Activated forward(const Variable& x, Activation activation, const Pass& pass);
  Variable forward(const Activated& x, const Pass& pass);
  // The product that forward() takes in this pass, for the op before it; nothing: another way.
  std::optional<DeltaProduct> product(const Pass& pass);
  // forward() for a graph that is built for its gradients alone: a result that nobody reads is not
  // computed.
  Variable forward_for_gradients(const Activated& x, const Pass& pass);

  // second.forward(first.forward(x, activation, pass), pass), where it can as one op
  // (autograd/ops.h: feed_forward): not with a Delta, an observer or
  // another activation than GELU. `for_gradients` as in forward_for_gradients().
  static Variable forward_both(Linear& first, Activation activation, Linear& second,
                               const Variable& x, const Pass& pass, bool for_gradients);

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  // Replaces the Delta that is attached; null detaches it.
  void attach(std::unique_ptr<Delta> delta);
  Delta* delta() const { return delta_.get(); }  // null: none
  // Precision of the products: y, and in backward dx and the weight's gradient. The weight itself
  // and the Delta are always fp32, or as near to it as core/kernels/linear/delta_product.h tells.
  // The default is fp32.
  void set_precision(Precision precision) { precision_ = precision; }
  Precision precision() const { return precision_; }

  Parameter weight;  // (out, in)
  Parameter bias;    // (out)

 private:
  std::shared_ptr<PackedMatrix> packed(const Pass& pass);

  int64_t in_, out_;
  std::unique_ptr<Delta> delta_;
  Precision precision_ = Precision::fp32;
  std::mutex mutex_;  // of packed_
  std::shared_ptr<PackedMatrix> packed_;
  JointProduct with_delta_;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
