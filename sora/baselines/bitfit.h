// BitFit (Ben Zaken et al., 2022): only biases train - those of all Linears and LayerNorms of the
// encoder's layers. Embeddings and the table of relative positions stay frozen. The SoRA authors'
// library misses intermediate.dense.bias for DeBERTa; it is included here.
#pragma once

#include "sora/base_method.h"

namespace soragrad::sora {

class BitFit : public BaseMethod {
 public:
  using BaseMethod::BaseMethod;

 private:
  void attach_to(nn::Module& model, std::optional<uint64_t> seed) override;
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
