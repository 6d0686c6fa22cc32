// The other leaves of a transformer: Embedding, LayerNorm, Dropout.
#pragma once

#include <string>

#include "nn/module.h"

namespace soragrad::nn {

class Embedding : public Module {
 public:
  // The row padding_idx gets no gradient (-1: none such).
  Embedding(Module* parent, std::string name, int64_t rows, int64_t hidden,
            int64_t padding_idx = -1);
  Variable forward(const Tensor& ids, const Pass& pass);  // I64 (n) -> (n, hidden)

  Parameter weight;  // (rows, hidden)

 private:
  int64_t padding_idx_;
};

// Inverted dropout whose mask depends on the seed, the module's path, the pass and the element.
class Dropout : public Module {
 public:
  Dropout(Module* parent, std::string name, double p);
  Variable forward(const Variable& x, const Pass& pass) const;

  double probability(const Pass& pass) const { return pass.training ? p_ : 0.0; }
  RandomStream stream(const Pass& pass) const;

 private:
  double p_;
  mutable uint32_t site_ = 0;  // of the path, computed at first use
};

class LayerNorm : public Module {
 public:
  LayerNorm(Module* parent, std::string name, int64_t hidden, double eps);
  Variable forward(const Variable& x, const Pass& pass);
  // LayerNorm(dropout(x) + residual).
  Variable forward(const Variable& x, const Dropout& dropout, const Variable& residual,
                   const Pass& pass);

  Parameter weight;  // (hidden)
  Parameter bias;    // (hidden)

 private:
  double eps_;
};

}  // namespace soragrad::nn
