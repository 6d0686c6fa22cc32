// Losses, regularizers and gradient norms of finished steps, kept on the device until they are
// read. On a GPU reading waits for all work that was queued, so training reads when a line is
// logged and before anything is saved or evaluated, instead of in every step.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace soragrad::train {

struct StepResult {
  double loss = 0;         // mean over the step's batches
  double regularizer = 0;  // what the method adds
  double grad_norm = 0;
};

class PendingSteps {
 public:
  // A finished step. None of its tensors may be written afterwards.
  struct Step {
    int64_t step = 0;
    double rate = 0;             // the main group's
    std::vector<Tensor> losses;  // (), one a batch
    Tensor regularizer;          // () or undefined
    Tensor grad_norm;            // ()
  };
  void add(Step step) { steps_.push_back(std::move(step)); }
  // Waits for the device. Returns the newest step, or the one read last if none is pending. Throws
  // if the loss or the norm of a step is not finite, naming the first.
  const StepResult& read();

 private:
  std::vector<Step> steps_;
  StepResult last_;
};

// Throws if a loss () of a step is not finite, before its update spoils the parameters. Waits for
// the device.
void require_finite_losses(std::span<const Tensor> losses, int64_t step, double rate);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
