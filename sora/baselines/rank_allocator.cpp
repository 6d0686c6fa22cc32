#include "sora/baselines/rank_allocator.h"

#include <cstring>

#include "core/kernels/optim/rank_allocation.h"

namespace soragrad::sora {

// AdaLoRA (arXiv 2303.10512), equation 14, as the authors' code computes it: the budget falls from
// `initial` to `target` with the cube of the share of steps that is left between tinit and
// total_steps - tfinal. The paper's print of the equation has tinit + tfinal in the numerator.
int64_t BudgetSchedule::budget(int64_t step) const {
  if (step <= tinit) return initial;
  if (is_final(step)) return target;
  const double left =
      1 - static_cast<double>(step - tinit) / static_cast<double>(total_steps - tfinal - tinit);
  return static_cast<int64_t>(static_cast<double>(initial - target) * (left * left * left) +
                              static_cast<double>(target));
}

// Ranks are allocated every delta_t steps while the budget falls, and once more when it has fallen.
bool BudgetSchedule::masks(int64_t step) const {
  if (step == total_steps - tfinal) return true;
  return step > tinit && !is_final(step) && step % delta_t == 0;
}

RankAllocator::RankAllocator(const MethodConfig& config, const std::vector<GatedDelta*>& deltas)
    : beta1_(static_cast<real>(config.beta1)), beta2_(static_cast<real>(config.beta2)) {
  // A triplet is one rank of one delta: a row of A, an entry of E, a column of B. The buffers hold
  // the entries of A (rank, in), E (rank) and B (out, rank) of all deltas, one after another.
  int64_t entries = 0, triplets = 0;
  for (GatedDelta* delta : deltas) {
    places_.push_back({delta, entries, triplets});
    entries += delta->rank() * (delta->linear().in() + 1 + delta->linear().out());
    triplets += delta->rank();
  }
  schedule_.initial = triplets;
  schedule_.target = config.target_r * static_cast<int64_t>(deltas.size());
  schedule_.tinit = config.tinit;
  schedule_.tfinal = config.tfinal;
  schedule_.delta_t = config.deltaT;
  const Device device = deltas.empty() ? Device::cpu : deltas.front()->a.device();
  sensitivity_ = Tensor::zeros({entries}, kReal, device);
  uncertainty_ = Tensor::zeros({entries}, kReal, device);
  scores_ = Tensor::zeros({triplets}, kReal, device);
  mask_ = Tensor::full({triplets}, 1, device);
  plan_ = Tensor::empty({static_cast<int64_t>(sizeof(kernels::RankPlan))}, DType::u8, device);
  budget_ = schedule_.initial;
}

void RankAllocator::prepare(int64_t step, int64_t total_steps) {
  schedule_.total_steps = total_steps;
  require(
      schedule_.tinit + schedule_.tfinal < total_steps,
      "[adalora] tinit {} and tfinal {} leave none of {} steps to lower the budget; reduce them.",
      schedule_.tinit, schedule_.tfinal, total_steps);
  // The plan is uploaded, so that a captured CUDA graph reads this step's decisions from memory.
  budget_ = schedule_.budget(step);
  const bool masks = schedule_.masks(step);
  const kernels::RankPlan plan{.smooths = step < total_steps - schedule_.tfinal,
                               .masks = masks,
                               .applies = masks || schedule_.is_final(step),
                               .dropped = schedule_.initial - budget_};
  const Tensor bytes = Tensor::empty({static_cast<int64_t>(sizeof(plan))}, DType::u8);
  std::memcpy(bytes.raw(), &plan, sizeof(plan));
  plan_.copy_from(bytes);
}

void RankAllocator::update(const Tensor& grad_scale) {
  const auto* plan = reinterpret_cast<const kernels::RankPlan*>(plan_.raw());
  const auto parameter = [](const nn::Parameter& parameter, int64_t begin) {
    require(parameter.grad().defined(), "[adalora] {} has no gradient.", parameter.path());
    return kernels::RankScoresArgs::Parameter{parameter.value().data(), parameter.grad().data(),
                                              begin};
  };
  // First the scores of all triplets, then the mask by their order over the whole model.
  kernels::for_groups(
      places_.size(),
      kernels::RankScoresArgs{.sensitivity = sensitivity_.data(),
                              .uncertainty = uncertainty_.data(),
                              .grad_scale = grad_scale.data(),
                              .plan = plan,
                              .beta1 = beta1_,
                              .beta2 = beta2_},
      [&](size_t i) {
        const auto& [delta, entry, triplet] = places_[i];
        const int64_t rank = delta->rank(), in = delta->linear().in();
        return kernels::RankScoresArgs::Part{.a = parameter(delta->a, entry),
                                             .gate = parameter(*delta->gate, entry + rank * in),
                                             .b = parameter(delta->b, entry + rank * (in + 1)),
                                             .rank = rank,
                                             .in = in,
                                             .out = delta->linear().out(),
                                             .scores = scores_.data() + triplet};
      },
      [&](const auto& args) { kernels::rank_scores(scores_.device(), args); });
  kernels::for_groups(
      places_.size(),
      kernels::RankMaskArgs{
          .scores = scores_.data(), .mask = mask_.data(), .triplets = mask_.numel(), .plan = plan},
      [&](size_t i) {
        const auto& [delta, entry, triplet] = places_[i];
        return kernels::RankMaskArgs::Part{delta->gate->value().data(), delta->rank(), triplet};
      },
      [&](const auto& args) { kernels::rank_mask(mask_.device(), args); });
}

std::vector<std::pair<std::string, Tensor>> RankAllocator::state() const {
  return {{"adalora.sensitivity", sensitivity_},
          {"adalora.uncertainty", uncertainty_},
          {"adalora.mask", mask_}};
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
