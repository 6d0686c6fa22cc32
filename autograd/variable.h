// Variable: a Tensor and, if a gradient is wanted, its node in the graph.
//
// The graph is a tape of nodes. A node holds its op's backward closure and the nodes of the op's
// inputs, never their values. The closure captures only the Tensors that its gradient reads, so
// activations that nobody needs are freed at once and there are no reference cycles.
//
// Copies of a Variable share elements and node, until set_requires_grad() or set_value() is called
// on one of them: these change that copy alone. Graphs are built and walked by one thread at a
// time. A Variable prints as its Tensor; autograd/operators.h has + - * and comparisons.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace soragrad {

namespace detail {
struct Node;
}

struct DeltaOperand;  // autograd/ops/delta_operand.h

class Variable {
 public:
  Variable() = default;  // undefined
  // A leaf that holds `value`, without copying it; trainable if requires_grad.
  explicit Variable(Tensor value, bool requires_grad = false);

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int64_t size(int axis) const { return value_.size(axis); }
  Device device() const { return value_.device(); }

  // True if backward() computes a gradient for it: a trainable leaf, or an op's result that depends
  // on one.
  bool requires_grad() const { return node_ != nullptr; }
  // Makes a leaf trainable or frozen. Freezing drops its gradient. Throws for the result of an op
  // that depends on a trainable leaf.
  void set_requires_grad(bool requires_grad);

  // The gradient of a leaf, which backward() has added to. Undefined if none has arrived, for a
  // frozen leaf, and for the result of an op once backward() has passed it.
  const Tensor& grad() const;
  // Makes backward() accumulate into `grad`, a tensor of the value's shape: the optimizer passes a
  // view of its flat buffer. Throws unless this is a trainable leaf and the shapes are equal.
  void set_grad(Tensor grad);
  // Clears a leaf's gradient: drops it, or fills it with zeros if set_grad() provided the tensor.
  void zero_grad();
  // Replaces a leaf's elements by a tensor of the same shape, which is not copied. The node stays,
  // and with it the gradient. Throws if the shapes differ, and where set_requires_grad() does.
  void set_value(Tensor value);

  // For the library's own ops on a GPU; users leave it alone. A bf16 product needs its input
  // rounded and laid out in a special matrix (core/delta_matrix.h). The op that makes the input has
  // it in registers anyway: it writes that matrix, too, and leaves it here, and the product skips a
  // pass over memory. In backward the same is done for the gradient. Null: nothing was prepared.
  const std::shared_ptr<DeltaOperand>& operand() const { return operand_; }
  void set_operand(std::shared_ptr<DeltaOperand> operand) { operand_ = std::move(operand); }

 private:
  friend Variable record(const char*, Tensor, std::vector<Variable>,
                         std::function<void(const Tensor&, class Gradients&)>);
  friend void backward(const Variable&, const Tensor&);
  friend class Gradients;

  Tensor value_;
  std::shared_ptr<detail::Node> node_;  // null: no gradient is wanted
  std::shared_ptr<DeltaOperand> operand_;
};

// The text of its value, with "requires_grad" at the end if backward() computes its gradient.
std::string to_string(const Variable& variable);
std::ostream& operator<<(std::ostream& out, const Variable& variable);

}  // namespace soragrad

template <std::derived_from<soragrad::Variable> T>
struct fmt::formatter<T> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const soragrad::Variable& variable, Context& context) const {
    return fmt::formatter<std::string>::format(soragrad::to_string(variable), context);
  }
};

// SPDX-License-Identifier: Apache-2.0
