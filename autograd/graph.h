// The tape: record() adds an op, backward() walks from a scalar to the leaves. Ops call record();
// users call backward(), or hold a NoGrad while they only evaluate. One thread at a time may build
// and walk graphs; under a NoGrad several threads may run ops on the CPU. Backward reads values as
// they are then: duty of the caller, not to write a value between an op that read it and
// backward(). An optimizer writes the parameters, so all losses of a step walk back before it.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace soragrad {

// Passed to a backward closure, which hands over the gradients of its op's inputs here. Inputs are
// numbered in the order in which record() got them.
class Gradients {
 public:
  explicit Gradients(detail::Node& node) : node_(node) {}
  // True if the gradient of this input is needed. If not, skip its arithmetic.
  bool wanted(size_t input) const;
  // Adds dx to the gradient of an input; does nothing if it is not wanted. Throws unless dx has the
  // input's shape and type, as all of these do for an input that is not there. The graph takes the
  // tensor over: the closure must not write to it afterwards. One tensor may go to several inputs.
  void add(size_t input, Tensor dx);
  // The gradient that has arrived from other ops so far, for an op that can add to it in place (a
  // GEMM with accumulate). Undefined if none has arrived, or if the tensor is shared: then use
  // add().
  Tensor pending(size_t input) const;
  // For an op that does the backward of the op before it as well, as a Linear does with the GELU in
  // front of it. Returns the gradient that the input has received so far and clears it, so that the
  // GELU's own closure will not count it again. Gradient that arrives later takes the normal way.
  // Undefined if nothing has arrived. The input must not be a leaf.
  Tensor take(size_t input) const;
  // A Variable with the value of an input, as the caller kept it, whose gradient is the input's.
  // Ops that the closure records on it add to that gradient.
  Variable input(size_t input, Tensor value) const;
  // Walks what was recorded from node number `first` on, from its result, whose gradient is dy.
  void walk(const Variable& result, const Tensor& dy, uint64_t first) const;

 private:
  const std::shared_ptr<detail::Node>& at(size_t input) const;
  detail::Node& node_;
};

// An op's backward pass. dy is the gradient of the op's result and has its shape.
using Backward = std::function<void(const Tensor& dy, Gradients& gradients)>;

// Returns the result of an op as a Variable: `value`, and a node with the closure if an input wants
// a gradient. Otherwise, and under NoGrad, the closure is dropped. Undefined Variables among the
// inputs keep their number and want no gradient. Duties of the caller: `op` is a string literal,
// and the closure captures Tensors, never Variables (they would keep the graph alive).
Variable record(const char* op, Tensor value, std::vector<Variable> inputs, Backward backward);

// True if record() would keep a closure for these inputs. Lets an op skip what only backward reads.
bool grad_wanted(std::span<const Variable> inputs);
inline bool grad_wanted(std::initializer_list<Variable> inputs) {
  return grad_wanted(std::span<const Variable>(inputs.begin(), inputs.size()));
}

// Adds scale * d(loss)/d(leaf) to the gradient of every trainable leaf that the loss depends on.
// Closures run in the reverse order of record(), so every run adds gradients in the same order and
// gives the same bits. Nodes are freed on the way, so a graph is walked once: of losses that share
// an op backward() takes the sum. Throws unless the loss has one element and depends on a trainable
// leaf, and where it meets an op that it has walked already. After an exception some leaves have
// received their gradients and some have not: clear them all.
void backward(const Variable& loss, real scale = 1);
// The same with a scale of the loss's shape and on its device. A captured graph uses it: the scale
// is read from memory at each replay.
void backward(const Variable& loss, const Tensor& scale);

// Trades time for memory (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016):
// returns f(inputs), and keeps of it nothing but the inputs. Values and gradients have the bits of
// f(inputs) alone. f runs twice: now, without a graph, and in backward(), to rebuild what backward
// needs. So f must do the same ops both times. (Nobody reads the second run's result, so f may
// leave out what only that needs.) Every Variable that f reads must come through `inputs`, except
// trainable leaves, which are listed in `parameters`. Any other Variable that f captures gets no
// gradient, and no error says so.
using CheckpointedFunction = std::function<Variable(std::span<const Variable> inputs)>;
Variable checkpoint(const CheckpointedFunction& f, const std::vector<Variable>& inputs,
                    std::span<const Variable* const> parameters);

// While one lives, ops on this thread record nothing (torch.no_grad). They may be nested.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
};

// Names of all ops that this process has recorded so far. A test demands a row of op_cases for
// each.
std::vector<std::string> recorded_ops();

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
