// InputGradient: where the backward pass of an op writes the gradient of one input. If a gradient
// has already arrived from another op and nobody shares it, the kernel adds to it in place.
// Otherwise the kernel writes a new tensor, which hand_over() adds to the graph.
//
//   const InputGradient dx(gradients, 0, x.shape(), x.device());
//   kernels::some_backward(device, {.dy = dy.data(), .dx = dx.get()});
//   dx.hand_over(gradients);
#pragma once

#include <cstddef>

#include "autograd/graph.h"
#include "core/kernels/gradient_target.h"

namespace soragrad {

class InputGradient {
 public:
  // `shape` is the input's. If its gradient is not wanted, nothing is allocated and get() is null.
  InputGradient(const Gradients& gradients, size_t input, const Shape& shape, Device device)
      : input_(input) {
    if (!gradients.wanted(input)) return;
    tensor_ = gradients.pending(input);
    arrived_ = tensor_.defined();
    if (!arrived_) tensor_ = Tensor::empty(shape, kReal, device);
  }

  bool wanted() const { return tensor_.defined(); }
  // True if the tensor was provided by set_grad(): it stays the input's gradient, so it may be
  // written until backward() ends. Others hold it, too, and pending() returns no other such tensor.
  bool provided() const { return arrived_ && tensor_.storage().use_count() > 2; }
  kernels::GradientTarget get() const {
    return {.data = wanted() ? tensor_.data() : nullptr, .accumulate = arrived_};
  }
  // Call once, after the kernel: adds the new tensor; does nothing if the kernel wrote in place.
  void hand_over(Gradients& gradients) const {
    if (wanted() && !arrived_) gradients.add(input_, tensor_);
  }

 private:
  size_t input_;
  Tensor tensor_;
  bool arrived_ = false;  // tensor_ is a gradient that had already arrived
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
