#include "nn/linear.h"

#include <utility>

#include "autograd/ops.h"

namespace soragrad::nn {

Linear::Linear(Module* parent, std::string name, int64_t in, int64_t out)
    : Module(parent, std::move(name)),
      weight(this, "weight", {out, in}),
      bias(this, "bias", {out}),
      in_(in),
      out_(out) {}

Variable Linear::forward(const Variable& x, const Pass& pass) {
  const ForwardSpan span(*this);
  Variable y = linear(x, weight, bias, packed());
  if (delta_) y = delta_->forward(x, std::move(y), pass);
  return observed(y, pass);
}

void Linear::attach(std::unique_ptr<Delta> delta) {
  delta_ = std::move(delta);
}

// Returns the packed weight. A frozen weight keeps it; loading or merging gives the weight other
// memory, which is how a stale copy is recognised. A trainable weight changes in every step, so its
// packed copy belongs to the graph of this call alone.
std::shared_ptr<PackedMatrix> Linear::packed() {
  const bool trains = weight.requires_grad();
  if (!trains && packed_ && packed_->weight().raw() == weight.value().raw() &&
      packed_->precision() == precision_) {
    return packed_;
  }
  auto packed = std::make_shared<PackedMatrix>(weight.value(), precision_, !trains);
  packed_ = trains ? nullptr : packed;
  return packed;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
