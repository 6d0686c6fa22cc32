// What steps leave behind to be reported - losses, regularizers, gradient norms - until somebody
// reads it. On a GPU reading waits for all work given to it, so training reads where a line is
// logged, and before anything is saved or evaluated, instead of in every step.
#pragma once

#include <cstdint>
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
  // losses: one () a batch; regularizer may be undefined. None may be written afterwards.
  void add(int64_t step, double rate, std::vector<Tensor> losses, const Tensor& regularizer,
           const Tensor& grad_norm);
  // Waits. The newest step, or the one read last where none is pending. Throws where a step's loss
  // or norm is not finite, naming the first.
  const StepResult& read();

 private:
  struct Step {
    int64_t step;
    double rate;
    std::vector<Tensor> losses;
    Tensor regularizer, grad_norm;
  };
  std::vector<Step> steps_;
  StepResult last_;
};

}  // namespace soragrad::train
