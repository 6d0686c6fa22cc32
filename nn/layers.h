// The leaves of a transformer beside Linear: Embedding, Dropout, LayerNorm. Parameters have no
// value until a checkpoint is loaded or they are drawn (nn/init.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "autograd/ops.h"
#include "nn/module.h"

namespace soragrad::nn {

// A table of rows, looked up by id (torch.nn.Embedding).
class Embedding : public Module {
 public:
  // The row padding_idx gets no gradient (-1: every row gets one).
  Embedding(Module* parent, std::string name, int64_t rows, int64_t hidden,
            int64_t padding_idx = -1);
  // ids I64 (n), each in [0, rows) -> (n, hidden).
  Variable forward(const Tensor& ids, const Pass& pass);
  // The same rows for a norm that reads them from the table. `ids` must outlive the result.
  TableRows rows(const Tensor& ids) const { return {ids, weight, padding_idx_}; }

  Parameter weight;  // (rows, hidden)

 private:
  int64_t padding_idx_;
};

// Inverted dropout (torch.nn.Dropout). The mask is a function of the pass's seed and step, the
// module's path and the element's index.
class Dropout : public Module {
 public:
  Dropout(Module* parent, std::string name, double p);  // p in [0, 1)
  // x, with dropout if the pass trains.
  Variable forward(const Variable& x, const Pass& pass) const;

  // What a fused op needs (LayerNorm, attention): the probability, 0 outside of training, and the
  // random stream of this module.
  double probability(const Pass& pass) const { return pass.training ? p_ : 0.0; }
  RandomStream stream(const Pass& pass) const;

 private:
  double p_;
  mutable std::atomic<uint32_t> site_ = 0;  // hash of the path, computed at the first use
};

// Layer normalisation of rows (torch.nn.LayerNorm).
class LayerNorm : public Module {
 public:
  LayerNorm(Module* parent, std::string name, int64_t hidden, double eps);
  // x (rows, hidden) -> (rows, hidden).
  Variable forward(const Variable& x, const Pass& pass);
  // dropout(LayerNorm(x)) in one kernel. No observer sees the norm's own output. `next` as
  // in autograd/ops.h.
  Variable forward_dropped(const Variable& x, const Dropout& dropout, const Pass& pass,
                           const DeltaProduct* next = nullptr);
  Variable forward_dropped(const TableRows& x, const Dropout& dropout, const Pass& pass,
                           const DeltaProduct* next = nullptr);
  // LayerNorm(x) in one kernel. No observer sees it.
  Variable forward(const TableRows& x);
  // LayerNorm(dropout(x) + residual) in one kernel. x and residual have equal shapes. `links` as in
  // autograd/ops.h, residual_layer_norm.
  Variable forward(const Variable& x, const Dropout& dropout, const Variable& residual,
                   const Pass& pass, const NormLinks& links = {});

  Parameter weight;  // (hidden)
  Parameter bias;    // (hidden)

 private:
  double eps_;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
