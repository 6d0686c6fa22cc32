// Variable: a Tensor and, where a gradient is wanted, its place in the graph.
//
// The graph is a tape of nodes. A node holds its op's backward closure and the nodes of the op's
// inputs - never their values: a closure captures just the Tensors that its gradient reads, so
// activations nobody needs are freed at once, and there are no cycles. A Variable prints as its
// Tensor, and tells whether it takes part in a graph; autograd/operators.h has + - * and < ==.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace soragrad {

namespace detail {
struct Node;
}

class Variable {
 public:
  Variable() = default;  // undefined
  explicit Variable(Tensor value, bool requires_grad = false);

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int64_t size(int axis) const { return value_.size(axis); }
  Device device() const { return value_.device(); }

  // Whether backward() computes a gradient for it: a trainable leaf, or a result of one.
  bool requires_grad() const { return node_ != nullptr; }
  // Makes a leaf trainable, or frozen again. Throws for the result of an op.
  void set_requires_grad(bool requires_grad);

  // Gradient of a leaf after backward(); undefined before, and where none arrived.
  const Tensor& grad() const;
  // Gives a trainable leaf the tensor in which backward() accumulates: a view of a flat buffer.
  void set_grad(Tensor grad);
  // Forgets a leaf's gradient (or zeroes it where set_grad() gave the place).
  void zero_grad();
  // Replaces a leaf's elements by a tensor of the same shape: other storage, same graph node.
  void set_value(Tensor value);

 private:
  friend Variable record(const char*, Tensor, std::vector<Variable>,
                         std::function<void(const Tensor&, class Gradients&)>);
  friend void backward(const Variable&, const Tensor&);
  friend class Gradients;

  Tensor value_;
  std::shared_ptr<detail::Node> node_;  // null: no gradient wanted
};

// The text of its value, with "requires_grad" at the end if backward() computes its gradient.
std::string to_string(const Variable& variable);
std::ostream& operator<<(std::ostream& out, const Variable& variable);

}  // namespace soragrad

template <>
struct fmt::formatter<soragrad::Variable> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const soragrad::Variable& variable, Context& context) const {
    return fmt::formatter<std::string>::format(soragrad::to_string(variable), context);
  }
};
