// The tape: record() adds an op, backward() walks from a scalar to the leaves.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace soragrad {

// Where a backward closure puts the gradients of its op's inputs, numbered as given to record().
class Gradients {
 public:
  explicit Gradients(detail::Node& node) : node_(node) {}
  // Whether anyone reads the gradient of this input: skip its arithmetic where not.
  bool wanted(size_t input) const;
  // Adds to the gradient of an input. The tensor is taken over: it must not be written afterwards.
  void add(size_t input, Tensor dx);
  // The gradient that has arrived so far, for an op that can add to it in place (a GEMM with
  // accumulate); undefined where none has, or where somebody else reads it too: use add() then.
  Tensor pending(size_t input) const;

 private:
  detail::Node& node_;
};

using Backward = std::function<void(const Tensor& dy, Gradients& gradients)>;

// The result of an op. Where no input wants a gradient, or under NoGrad, nothing is kept and the
// closure is dropped. The closure captures Tensors, never Variables.
Variable record(const char* op, Tensor value, std::vector<Variable> inputs, Backward backward);

// Whether record() would keep a closure for these inputs: lets an op skip what only backward reads.
bool grad_wanted(std::span<const Variable> inputs);
inline bool grad_wanted(std::initializer_list<Variable> inputs) {
  return grad_wanted(std::span<const Variable>(inputs.begin(), inputs.size()));
}

// Adds scale * d(loss)/d(leaf) to every trainable leaf below a scalar. Nodes are freed on the way,
// so a graph is walked once. Throws where the loss is no scalar or needs no gradient.
void backward(const Variable& loss, real scale = 1);
// The same with the scale, (), in the loss's memory.
void backward(const Variable& loss, const Tensor& scale);

// While one lives, ops on this thread record nothing.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

// Names of all ops recorded so far by this process: a test demands an op_cases row for each.
std::vector<std::string> recorded_ops();

}  // namespace soragrad
