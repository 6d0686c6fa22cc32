// InputGradient: where an op's backward writes the gradient of an input - in place where one has
// arrived that is ours alone, else into a new tensor, which hand_over() adds.
#pragma once

#include <cstddef>

#include "autograd/graph.h"
#include "core/kernels/gradient_target.h"

namespace soragrad {

class InputGradient {
 public:
  InputGradient(const Gradients& gradients, size_t input, const Shape& shape, Device device)
      : input_(input) {
    if (!gradients.wanted(input)) return;
    tensor_ = gradients.pending(input);
    arrived_ = tensor_.defined();
    if (!arrived_) tensor_ = Tensor::empty(shape, kReal, device);
  }

  bool wanted() const { return tensor_.defined(); }
  kernels::GradientTarget get() const {
    return {.data = wanted() ? tensor_.data() : nullptr, .accumulate = arrived_};
  }
  void hand_over(Gradients& gradients) const {
    if (wanted() && !arrived_) gradients.add(input_, tensor_);
  }

 private:
  size_t input_;
  Tensor tensor_;
  bool arrived_ = false;
};

}  // namespace soragrad
