#include "autograd/graph.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <ostream>
#include <queue>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "autograd/deferred.h"
#include "autograd/ops.h"
#include "core/profile.h"

namespace soragrad {

namespace detail {

// Nodes are numbered in the order of record(), so the inputs of a node have smaller numbers than
// the node. Visiting nodes from the largest number down is therefore a topological order, and the
// same one in every run.
struct Node {
  const char* op = "leaf";
  uint64_t number = 0;                        // 0 for a leaf
  std::vector<std::shared_ptr<Node>> inputs;  // null if no gradient is wanted
  Backward backward;                          // empty for a leaf, and once it has run
  Tensor grad;                                // a leaf's, or what has arrived during backward()
  bool owns_grad = true;                      // false: set_grad() provided it, and it stays
  uint32_t module = 0;                        // for a profile: the module that called record()
  Shape shape;                                // of the value, and so of its gradient
  DType dtype = kReal;

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  bool is_leaf() const { return number == 0; }
};

// Drops the nodes that only this one holds in a loop: a graph may be longer than the stack is deep.
Node::~Node() {
  std::vector<std::shared_ptr<Node>> dropped = std::move(inputs);
  while (!dropped.empty()) {
    const std::shared_ptr<Node> node = std::move(dropped.back());
    dropped.pop_back();
    if (!node || node.use_count() > 1) continue;
    std::move(node->inputs.begin(), node->inputs.end(), std::back_inserter(dropped));
    node->inputs.clear();
  }
}

namespace {
thread_local int no_grads = 0;  // that live on this thread
std::atomic<uint64_t> next_number = 0;

// While one lives, this thread records, though a NoGrad may live too.
class Recording {
 public:
  Recording() : before_(std::exchange(no_grads, 0)) {}
  ~Recording() { no_grads = before_; }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  int before_;
};

// True if nobody else can read the elements: they may be written in place.
bool is_only_user(const Tensor& tensor) {
  return tensor.storage().use_count() == 1;
}

// Names of the ops that were recorded. Threads under a NoGrad add to them, too.
class OpNames {
 public:
  void add(const char* op) {
    const std::lock_guard lock(mutex_);
    names_.insert(op);
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return {names_.begin(), names_.end()};
  }

 private:
  std::mutex mutex_;
  std::set<std::string_view> names_;
};
OpNames& op_names() {
  static OpNames names;
  return names;
}

// Adds dx to the gradient of a node, which takes the tensor over.
void add_gradient(Node& node, Tensor dx) {
  if (!node.grad.defined()) {
    node.grad = std::move(dx);
    return;
  }
  // An op may add one tensor to several inputs (add does). A shared tensor is copied before it is
  // written.
  if (node.owns_grad && !is_only_user(node.grad)) node.grad = node.grad.clone();
  add_inplace(node.grad, dx);
}

// Walks the graph from a node whose gradient is complete, over nodes numbered from `first` on.
// Others, leaves among them, keep what arrives. `ready` holds the nodes whose gradient has begun to
// arrive. The node with the largest number has received all of it: every op that used its result
// has a larger number and has run.
class Walk {
 public:
  Walk(const std::shared_ptr<Node>& root, uint64_t first) : first_(first) { ready_.push(root); }
  // If an exception has ended the walk, drops what had arrived at ops: their next walk would add to
  // it.
  ~Walk() {
    if (node_) drop_at(node_->inputs);
    for (; !ready_.empty(); ready_.pop()) drop_at({&ready_.top(), 1});
  }
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  void run();

 private:
  static void drop_at(std::span<const std::shared_ptr<Node>> nodes) {
    for (const std::shared_ptr<Node>& node : nodes) {
      if (node && !node->is_leaf()) node->grad = Tensor();
    }
  }
  struct IsOlder {
    bool operator()(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) const {
      return a->number < b->number;
    }
  };

  uint64_t first_;
  std::shared_ptr<Node> node_;  // whose closure runs
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, IsOlder> ready_;
};

void Walk::run() {
  std::unordered_set<Node*> queued;
  while (!ready_.empty()) {
    const std::shared_ptr<Node> node = ready_.top();
    ready_.pop();
    const bool is_done = !node->grad.defined();  // another op has taken its gradient
    if (is_done || node->number < first_) continue;
    if (node->is_leaf()) {
      // Its gradient is its own: whoever writes it changes no other.
      if (node->owns_grad && !is_only_user(node->grad)) node->grad = node->grad.clone();
      continue;
    }
    const Tensor dy = std::exchange(node->grad, Tensor());
    require(node->backward != nullptr,
            "[{}] backward() has passed its result already; add the losses, then call backward() "
            "once.",
            node->op);
    Gradients gradients(*node);
    const profile::Span span(node->op, node->module);
    node_ = node;
    std::exchange(node->backward, nullptr)(dy, gradients);
    node_ = nullptr;
    for (std::shared_ptr<Node>& input : node->inputs) {
      if (input && input->grad.defined() && queued.insert(input.get()).second) ready_.push(input);
    }
    node->inputs.clear();
  }
}
}  // namespace

}  // namespace detail

using detail::is_only_user;
using detail::Node;

Variable::Variable(Tensor value, bool requires_grad) : value_(std::move(value)) {
  set_requires_grad(requires_grad);
}

void Variable::set_requires_grad(bool requires_grad) {
  require(!node_ || node_->is_leaf(),
          "[{}] its result is no leaf: it cannot be frozen or unfrozen.", node_ ? node_->op : "");
  if (!requires_grad) {
    node_.reset();
  } else if (!node_) {
    node_ = std::make_shared<Node>();
    node_->shape = shape();
    if (defined()) node_->dtype = value_.dtype();
  }
}

const Tensor& Variable::grad() const {
  static const Tensor kUndefined;
  return node_ ? node_->grad : kUndefined;
}

void Variable::set_grad(Tensor grad) {
  require(node_ && node_->is_leaf(), "[set_grad] only a trainable leaf holds a gradient.");
  require(grad.defined() && grad.shape() == shape() && grad.dtype() == value_.dtype(),
          "[set_grad] gradient {} of {} does not fit the value {} of {}.", grad.shape(),
          name_of(grad.dtype()), shape(), name_of(value_.dtype()));
  node_->grad = std::move(grad);
  node_->owns_grad = false;
}

void Variable::zero_grad() {
  if (!node_ || !node_->grad.defined()) return;
  if (node_->owns_grad) {
    node_->grad = Tensor();
  } else {
    node_->grad.fill_zero();
  }
}

void Variable::set_value(Tensor value) {
  require(value.defined() && value.shape() == shape() &&
              (!defined() || value.dtype() == value_.dtype()),
          "[set_value] {} of {} does not replace {} of {}.", value.shape(), name_of(value.dtype()),
          shape(), name_of(value_.dtype()));
  require(!node_ || node_->is_leaf(), "[{}] its result is no leaf: its value cannot be replaced.",
          node_ ? node_->op : "");
  value_ = std::move(value);
}

std::string to_string(const Variable& variable) {
  std::string text = to_string(variable.value());
  if (variable.requires_grad()) text.insert(text.size() - 1, ", requires_grad");  // before the ")"
  return text;
}

std::ostream& operator<<(std::ostream& out, const Variable& variable) {
  return out << to_string(variable);
}

// -- The closure's side ---------------------------------------------------------------------------
const std::shared_ptr<Node>& Gradients::at(size_t input) const {
  require(input < node_.inputs.size(), "[{}] backward asks for input {} of {}.", node_.op, input,
          node_.inputs.size());
  return node_.inputs[input];
}

bool Gradients::wanted(size_t input) const {
  return at(input) != nullptr;
}

void Gradients::add(size_t input, Tensor dx) {
  Node* node = at(input).get();
  if (!node) return;
  require(dx.defined() && dx.shape() == node->shape && dx.dtype() == node->dtype,
          "[{}] backward gives input {} a gradient {} of {}; the input is {} of {}.", node_.op,
          input, dx.shape(), dx.defined() ? name_of(dx.dtype()) : "nothing", node->shape,
          name_of(node->dtype));
  detail::add_gradient(*node, std::move(dx));
}

Tensor Gradients::pending(size_t input) const {
  const Node* node = at(input).get();
  if (!node || !node->grad.defined()) return {};
  return !node->owns_grad || is_only_user(node->grad) ? node->grad : Tensor();
}

Tensor Gradients::take(size_t input) const {
  Node* node = at(input).get();
  if (!node || !node->grad.defined()) return {};
  const Tensor taken = std::exchange(node->grad, Tensor());
  return is_only_user(taken) ? taken : taken.clone();
}

// -- Recording ------------------------------------------------------------------------------------
bool grad_wanted(std::span<const Variable> inputs) {
  return detail::no_grads == 0 &&
         std::any_of(inputs.begin(), inputs.end(), [](auto& x) { return x.requires_grad(); });
}

Variable record(const char* op, Tensor value, std::vector<Variable> inputs, Backward backward) {
  require(op != nullptr, "[record] the op has no name; give a string literal.");
  require(value.defined(), "[{}] the op has no value.", op);
  detail::op_names().add(op);
  if (profile::recorder) profile::recorder->name_op(op);
  Variable result(std::move(value));
  if (!grad_wanted(inputs)) return result;
  auto node = std::make_shared<Node>();
  node->op = op;
  node->number = ++detail::next_number;
  node->backward = std::move(backward);
  node->shape = result.shape();
  node->dtype = result.value().dtype();
  if (profile::recorder) node->module = profile::recorder->module();
  for (Variable& input : inputs) node->inputs.push_back(std::move(input.node_));
  result.node_ = std::move(node);
  return result;
}

// -- Walking back ---------------------------------------------------------------------------------
void backward(const Variable& loss, real scale) {
  require(loss.defined(), "[backward] there is no loss.");
  backward(loss, Tensor::full(loss.shape(), scale, loss.device()));
}

void backward(const Variable& loss, const Tensor& scale) {
  require(loss.defined() && loss.value().numel() == 1, "[backward] a scalar is wanted, not {}.",
          loss.defined() ? loss.shape() : Shape{});
  require(loss.requires_grad(), "[backward] the loss depends on no trainable parameter.");
  const NoGrad no_grad;
  require(scale.defined() && scale.shape() == loss.shape() && scale.dtype() == kReal,
          "[backward] the scale should be {} of {}, as the loss is, not {} of {}.", loss.shape(),
          name_of(kReal), scale.shape(), name_of(scale.dtype()));
  detail::add_gradient(*loss.node_, scale);  // the loss may be a leaf that has a gradient
  detail::DeferredWork deferred;
  detail::Walk(loss.node_, 0).run();
  deferred.finish();
}

Variable Gradients::input(size_t input, Tensor value) const {
  Variable variable(std::move(value));
  variable.node_ = at(input);
  return variable;
}

void Gradients::walk(const Variable& result, const Tensor& dy, uint64_t first) const {
  if (!result.node_) return;  // no input wants a gradient
  require(result.node_->number >= first, "[checkpoint] the function returns its own input.");
  detail::add_gradient(*result.node_, dy);
  detail::Walk(result.node_, first).run();
}

Variable checkpoint(const CheckpointedFunction& f, const std::vector<Variable>& inputs,
                    std::span<const Variable* const> parameters) {
  std::vector<Tensor> values;
  std::vector<Variable> all = inputs;
  for (const Variable& each : inputs) values.push_back(each.value());
  for (const Variable* each : parameters) {
    require(each != nullptr, "[checkpoint] one of the parameters is null.");
    all.push_back(*each);
  }
  Tensor value;
  {
    const NoGrad no_grad;
    value = f(inputs).value();
  }
  return record("checkpoint", std::move(value), std::move(all),
                [f, values = std::move(values)](const Tensor& dy, Gradients& gradients) {
                  std::vector<Variable> again;
                  for (size_t i = 0; i < values.size(); ++i) {
                    again.push_back(gradients.input(i, values[i]));
                  }
                  const uint64_t first = detail::next_number + 1;
                  Variable y;
                  {
                    const detail::Recording recording;
                    y = f(again);
                  }
                  gradients.walk(y, dy, first);
                });
}

NoGrad::NoGrad() {
  ++detail::no_grads;
}
NoGrad::~NoGrad() {
  --detail::no_grads;
}

std::vector<std::string> recorded_ops() {
  return detail::op_names().all();
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
