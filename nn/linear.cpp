#include "nn/linear.h"

#include <utility>

#include "core/delta_matrix.h"

namespace soragrad::nn {

std::optional<DeltaProduct> JointProduct::find(std::span<Linear* const> linears, const Pass& pass,
                                               size_t groups) {
  DeltaProduct found;
  std::vector<DeltaMatrix::Linear> parts;
  for (Linear* linear : linears) {
    const bool frozen = !linear->weight.requires_grad() && !linear->bias.requires_grad();
    if (linear->precision() != Precision::bf16 || !linear->delta() || !frozen) return {};
    const std::optional<LowRank> factors = linear->delta()->low_rank(pass);
    if (!factors) return {};
    parts.push_back({linear->weight.value(), linear->bias.value(), factors->a.size(0)});
    found.deltas.push_back(*factors);
  }
  if (!DeltaMatrix::fits(parts, groups)) return {};
  if (!matrix_ || !matrix_->is_of(parts)) {
    matrix_ = std::make_shared<const DeltaMatrix>(parts, groups);
  }
  found.matrix = matrix_;
  return found;
}

Linear::Linear(Module* parent, std::string name, int64_t in, int64_t out)
    : Module(parent, std::move(name)),
      weight(this, "weight", {out, in}),
      bias(this, "bias", {out}),
      in_(in),
      out_(out) {}

Variable Linear::forward(const Variable& x, const Pass& pass) {
  return forward(Activated{x, {}}, pass);
}

Variable Linear::forward(const Activated& x, const Pass& pass) {
  const ForwardSpan span(*this);
  if (const auto found = product(pass)) return observed(linear_deltas(x, *found), pass);
  Variable y = linear(x, weight, bias, packed(pass));
  if (delta_) y = delta_->forward(x.y, std::move(y), pass);
  return observed(y, pass);
}

std::optional<DeltaProduct> Linear::product(const Pass& pass) {
  Linear* const self = this;
  return with_delta_.find({&self, 1}, pass);
}

Variable Linear::forward_for_gradients(const Activated& x, const Pass& pass) {
  if ((delta_ && delta_->reads_result()) || product(pass)) return forward(x, pass);
  const ForwardSpan span(*this);
  Variable y = linear(x, weight, bias, packed(pass), false);
  return delta_ ? delta_->forward(x.y, std::move(y), pass) : y;
}

Activated Linear::forward(const Variable& x, Activation activation, const Pass& pass) {
  Activated result;
  if (activation != Activation::gelu) {
    result.y = activate(activation, forward(x, pass));
  } else if (const auto found = product(pass)) {
    const ForwardSpan span(*this);
    result = linear_deltas_gelu(x, *found);
    observed(result.gelu_of, pass);
  } else if (delta_) {
    result.gelu_of = forward(x, pass);
    result.y = gelu(result.gelu_of);
  } else {
    const ForwardSpan span(*this);
    result = linear_gelu(x, weight, bias, packed(pass));
    observed(result.gelu_of, pass);
  }
  if (!result.y.requires_grad()) result.gelu_of = {};  // its memory is free for what follows
  return result;
}

Variable Linear::forward_both(Linear& first, Activation activation, Linear& second,
                              const Variable& x, const Pass& pass, bool for_gradients) {
  const bool plain = !first.delta_ && !second.delta_ && !pass.observe;
  if (plain && activation == Activation::gelu) {
    return feed_forward(x, {first.weight, first.bias, first.packed(pass)},
                        {second.weight, second.bias, second.packed(pass)}, !for_gradients);
  }
  const Activated wide = first.forward(x, activation, pass);
  return for_gradients ? second.forward_for_gradients(wide, pass) : second.forward(wide, pass);
}

void Linear::attach(std::unique_ptr<Delta> delta) {
  delta_ = std::move(delta);
}

// Returns the packed weight. A frozen weight keeps it; loading or merging gives the weight other
// memory, which is how a stale copy is recognised. A trainable weight changes in every step, so its
// packed copy belongs to the graph of this call alone.
std::shared_ptr<PackedMatrix> Linear::packed(const Pass& pass) {
  const bool trains = weight.requires_grad();
  const std::lock_guard lock(mutex_);
  const bool fresh =
      !trains && packed_ && packed_->is_of(weight.value()) && packed_->precision() == precision_;
  auto packed =
      fresh ? packed_ : std::make_shared<PackedMatrix>(weight.value(), precision_, !trains);
  if (pass.checkpoint) packed->save_memory();
  packed_ = trains ? nullptr : packed;
  return packed;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
