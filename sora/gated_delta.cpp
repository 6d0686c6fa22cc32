#include "sora/gated_delta.h"

#include <cmath>
#include <utility>

#include "autograd/ops.h"
#include "nn/init.h"
#include "sora/targets.h"

namespace soragrad::sora {
namespace {

constexpr double kAdaLoraDeviation = 0.02;  // of A and B, as in peft and the authors' loralib

void give(nn::Parameter& parameter, const Tensor& value, Device device) {
  parameter.assign(value.to(device));
}

}  // namespace

GatedDelta::GatedDelta(nn::Linear& linear, DeltaKind kind, int64_t rank, double factor,
                       double dropout)
    : a(&linear, kind == DeltaKind::adalora ? "lora_A" : "lora_A.weight", {rank, linear.in()}),
      b(&linear, kind == DeltaKind::adalora ? "lora_B" : "lora_B.weight", {linear.out(), rank}),
      linear_(linear),
      kind_(kind),
      rank_(rank),
      factor_(factor),
      dropout_(dropout),
      site_(random_site(linear.path() + ".lora_dropout")) {
  if (kind == DeltaKind::sora) gate.emplace(&linear, "gate", Shape{rank});
  if (kind == DeltaKind::adalora) gate.emplace(&linear, "lora_E", Shape{rank, 1});
  a.set_requires_grad(true);
  b.set_requires_grad(true);
  if (gate) gate->set_requires_grad(true);
}

Variable GatedDelta::forward(const Variable& x, Variable y, const nn::Pass& pass) {
  const Variable input = dropout(x, pass.training ? dropout_ : 0, pass.stream(site_));
  return low_rank_delta(std::move(y), input, a, b, gate ? Variable(*gate) : Variable(),
                        static_cast<real>(factor_));
}

std::optional<LowRank> GatedDelta::low_rank(const nn::Pass& pass) const {
  if (pass.training && dropout_ > 0) return {};
  return LowRank{a, b, gate ? Variable(*gate) : Variable(), static_cast<real>(factor_)};
}

// B, or AdaLoRA's E, is 0, so that training begins from the base model's function.
void GatedDelta::initialize(uint64_t seed) {
  const Variable& weight = linear_.weight;
  const Device device = weight.defined() ? weight.device() : Device::cpu;
  if (kind_ == DeltaKind::adalora) {
    give(a, nn::normal(a.declared_shape(), kAdaLoraDeviation, seed, a.path()), device);
    give(b, nn::normal(b.declared_shape(), kAdaLoraDeviation, seed, b.path()), device);
    give(*gate, Tensor::zeros(gate->declared_shape()), device);
    return;
  }
  // torch's kaiming_uniform_ with a = sqrt(5): sqrt(6 / ((1 + 5) in)).
  const double bound = 1 / std::sqrt(static_cast<double>(linear_.in()));
  give(a, nn::uniform(a.declared_shape(), bound, seed, a.path()), device);
  give(b, Tensor::zeros(b.declared_shape()), device);
  // N(0, 1) as in the released SoRA code (src/lora.py), not 1.
  if (gate) give(*gate, nn::normal(gate->declared_shape(), 1, seed, gate->path()), device);
}

std::vector<GatedDelta*> gated_deltas(nn::Module& model) {
  std::vector<GatedDelta*> found;
  for (nn::Linear* linear : linears(model)) {
    if (auto* delta = dynamic_cast<GatedDelta*>(linear->delta())) found.push_back(delta);
  }
  return found;
}

// B diag(g) A = (B diag(g)) A: gates go into the columns of B, and ranks whose gate is 0 are left
// out.
FoldedDelta fold(const GatedDelta& delta) {
  const int64_t in = delta.linear().in(), out = delta.linear().out(), rank = delta.rank();
  const std::vector<real> gate = delta.gate ? delta.gate->value().to_vector()
                                            : std::vector<real>(static_cast<size_t>(rank), 1);
  std::vector<int64_t> kept;
  for (int64_t k = 0; k < rank; ++k) {
    if (gate[static_cast<size_t>(k)] != 0) kept.push_back(k);
  }
  const auto kept_rank = static_cast<int64_t>(kept.size());
  FoldedDelta folded{kept_rank, Tensor::empty({kept_rank, in}), Tensor::empty({out, kept_rank}),
                     delta.factor()};
  const Tensor a = delta.a.value().to(Device::cpu), b = delta.b.value().to(Device::cpu);
  for (int64_t i = 0; i < kept_rank; ++i) {
    const int64_t k = kept[static_cast<size_t>(i)];
    folded.a.slice(i, i + 1).copy_from(a.slice(k, k + 1));
    for (int64_t row = 0; row < out; ++row) {
      folded.b.data()[row * kept_rank + i] =
          b.data()[row * rank + k] * gate[static_cast<size_t>(k)];
    }
  }
  return folded;
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
