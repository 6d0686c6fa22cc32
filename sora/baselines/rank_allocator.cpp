#include "sora/baselines/rank_allocator.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace soragrad::sora {

int64_t BudgetSchedule::budget(int64_t step) const {
  if (step <= tinit) return initial;
  if (is_final(step)) return target;
  const double left =
      1 - static_cast<double>(step - tinit) / static_cast<double>(total_steps - tfinal - tinit);
  return static_cast<int64_t>(static_cast<double>(initial - target) * (left * left * left) +
                              static_cast<double>(target));
}

bool BudgetSchedule::masks(int64_t step) const {
  if (step == total_steps - tfinal) return true;
  return step > tinit && !is_final(step) && step % delta_t == 0;
}

RankAllocator::RankAllocator(const MethodConfig& config, std::vector<GatedDelta*> deltas)
    : beta1_(config.beta1), beta2_(config.beta2), deltas_(std::move(deltas)) {
  int64_t entries = 0;
  for (GatedDelta* delta : deltas_) {
    for (const nn::Parameter* parameter : {&delta->a, &*delta->gate, &delta->b}) {
      places_.push_back({parameter, entries});
      entries += parameter->declared_shape().numel();
    }
    schedule_.initial += delta->rank();
  }
  schedule_.target = config.target_r * static_cast<int64_t>(deltas_.size());
  schedule_.tinit = config.tinit;
  schedule_.tfinal = config.tfinal;
  schedule_.delta_t = config.deltaT;
  sensitivity_ = Tensor::zeros({entries});
  uncertainty_ = Tensor::zeros({entries});
  mask_ = Tensor::full({schedule_.initial}, 1);
  budget_ = schedule_.initial;
}

void RankAllocator::update(const StepEnd& step) {
  schedule_.total_steps = step.total_steps;
  require(
      schedule_.tinit + schedule_.tfinal < step.total_steps,
      "[adalora] tinit {} and tfinal {} leave none of {} steps to lower the budget; reduce them.",
      schedule_.tinit, schedule_.tfinal, step.total_steps);
  if (step.step < step.total_steps - schedule_.tfinal) update_scores(step.grad_scale.item());
  budget_ = schedule_.budget(step.step);
  if (schedule_.masks(step.step)) choose_mask(budget_);
  if (schedule_.masks(step.step) || schedule_.is_final(step.step)) apply_mask();
}

void RankAllocator::update_scores(real grad_scale) {
  const auto beta1 = static_cast<real>(beta1_), beta2 = static_cast<real>(beta2_);
  std::vector<Tensor> values, grads;  // on the host; a GPU's are copied by this thread alone
  for (const auto& [parameter, begin] : places_) {
    require(parameter->grad().defined(), "[adalora] {} has no gradient.", parameter->path());
    values.push_back(parameter->value().to(Device::cpu));
    grads.push_back(parameter->grad().to(Device::cpu));
  }
  parallel_for(static_cast<int64_t>(places_.size()), [&](int64_t number) {
    const auto n = static_cast<size_t>(number);
    const real* w = values[n].data();
    const real* g = grads[n].data();
    real* sensitivity = sensitivity_.data() + places_[n].begin;
    real* uncertainty = uncertainty_.data() + places_[n].begin;
    for (int64_t i = 0; i < values[n].numel(); ++i) {
      const real importance = std::abs(w[i] * (grad_scale * g[i]));
      sensitivity[i] = beta1 * sensitivity[i] + (1 - beta1) * importance;
      uncertainty[i] = beta2 * uncertainty[i] + (1 - beta2) * std::abs(importance - sensitivity[i]);
    }
  });
}

std::vector<real> RankAllocator::triplet_scores() const {
  std::vector<real> scores;
  const real* sensitivity = sensitivity_.data();
  const real* uncertainty = uncertainty_.data();
  const auto product = [&](int64_t i) { return double{sensitivity[i]} * double{uncertainty[i]}; };
  for (size_t d = 0; d < deltas_.size(); ++d) {
    const int64_t rank = deltas_[d]->rank();
    const int64_t in = deltas_[d]->linear().in(), out = deltas_[d]->linear().out();
    const int64_t a = places_[3 * d].begin, e = places_[3 * d + 1].begin;
    const int64_t b = places_[3 * d + 2].begin;
    for (int64_t k = 0; k < rank; ++k) {
      double row = 0, column = 0;
      for (int64_t j = 0; j < in; ++j) row += product(a + k * in + j);
      for (int64_t j = 0; j < out; ++j) column += product(b + j * rank + k);
      scores.push_back(static_cast<real>(product(e + k) + row / static_cast<double>(in) +
                                         column / static_cast<double>(out)));
    }
  }
  return scores;
}

// The threshold is the score of rank initial - budget from below, itself masked (torch.kthvalue).
void RankAllocator::choose_mask(int64_t budget) {
  const std::vector<real> scores = triplet_scores();
  std::fill_n(mask_.data(), mask_.numel(), real(1));
  const int64_t dropped = schedule_.initial - budget;
  if (dropped <= 0) return;
  std::vector<real> sorted = scores;
  std::nth_element(sorted.begin(), sorted.begin() + (dropped - 1), sorted.end());
  const real threshold = sorted[static_cast<size_t>(dropped - 1)];
  for (size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] <= threshold) mask_.data()[i] = 0;
  }
}

void RankAllocator::apply_mask() const {
  const real* mask = mask_.data();
  for (GatedDelta* delta : deltas_) {
    const Tensor values = delta->gate->value().to(Device::cpu);
    for (int64_t k = 0; k < delta->rank(); ++k) {
      if (mask[k] == 0) values.data()[k] = 0;
    }
    mask += delta->rank();
    if (delta->gate->device() != Device::cpu) delta->gate->value().copy_from(values);
  }
}

std::vector<std::pair<std::string, Tensor>> RankAllocator::state() const {
  return {{"adalora.sensitivity", sensitivity_},
          {"adalora.uncertainty", uncertainty_},
          {"adalora.mask", mask_}};
}

}  // namespace soragrad::sora
