#include "train/loop/pending_steps.h"

#include <cmath>
#include <utility>

#include "core/error.h"
#include "train/run/number_text.h"

namespace soragrad::train {

const StepResult& PendingSteps::read() {
  for (const Step& step : std::exchange(steps_, {})) {
    last_ = {};
    for (const Tensor& loss : step.losses) {
      last_.loss += static_cast<double>(loss.item()) / static_cast<double>(step.losses.size());
    }
    if (step.regularizer.defined()) {
      last_.regularizer = static_cast<double>(step.regularizer.item());
    }
    last_.grad_norm = step.grad_norm.item<double>();
    require(std::isfinite(last_.loss + last_.regularizer) && std::isfinite(last_.grad_norm),
            "[train] step {}: loss {} with gradient norm {} at learning rate {:.3g} is not finite; "
            "lower learning_rate, or look at the rows of this step.",
            step.step, number_text(last_.loss + last_.regularizer), number_text(last_.grad_norm),
            step.rate);
  }
  return last_;
}

void require_finite_losses(std::span<const Tensor> losses, int64_t step, double rate) {
  for (const Tensor& loss : losses) {
    const double value = loss.item();
    require(std::isfinite(value),
            "[train] step {}: loss {} at learning rate {:.3g} is not finite; lower learning_rate, "
            "or look at the rows of this step.",
            step, number_text(value), rate);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
