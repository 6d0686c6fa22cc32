// Linears with their deltas as one bf16 product.
#include <algorithm>
#include <array>

#include "autograd/deferred.h"
#include "autograd/joint_ops.h"
#include "autograd/ops/delta_operand.h"
#include "autograd/ops/input_gradient.h"
#include "autograd/ops/unary.h"
#include "core/kernels/linear/low_rank_sums.h"

namespace soragrad {
namespace {

// Numbers of the inputs, in record()'s order; from kFactors on a, b and gate of each delta.
constexpr size_t kInput = 0, kGeluOf = 1, kFactors = 2;

// What backward reads.
struct Kept {
  Tensor x, gelu_of;  // gelu_of may be undefined
  Tensor u;           // (rows, rank) of each delta, one after another
  std::shared_ptr<DeltaOperand> gradient;
};

// dx or, past the op gelu, the gradient of its argument.
void add_dx(const Kept& kept, Gradients& gradients) {
  const Shape shape = kept.x.shape();
  const DeltaMatrix& matrix = *kept.gradient->matrix;
  const Tensor& operand = kept.gradient->made.rows;
  if (kept.gelu_of.defined() && gradients.wanted(kGeluOf)) {
    const Tensor sum = gradients.take(kInput);
    const Tensor dargument = Tensor::empty(shape, kReal, kept.x.device());
    matrix.backward({.operand = operand,
                     .dx = dargument.data(),
                     .before = kept.gelu_of.data(),
                     .sum = sum.defined() ? sum.data() : nullptr});
    gradients.add(kGeluOf, dargument);
    return;
  }
  const InputGradient dx(gradients, kInput, shape, kept.x.device());
  matrix.backward({.operand = operand, .dx = dx.get().data, .accumulate = dx.get().accumulate});
  dx.hand_over(gradients);
}

// Sums over rows of several deltas that wait to be one launch. They only add to gradients that
// stay, so they may be late.
class WaitingSums {
 public:
  using Part = kernels::LowRankSumsArgs::Part;

  // `read` are the tensors that the part reads.
  void add(const Part& part, const std::vector<Tensor>& read) {
    if (args_.count == kernels::LowRankSumsArgs::kMaxParts || meets(part)) launch();
    args_.parts[args_.count++] = part;
    kept_.insert(kept_.end(), read.begin(), read.end());
  }
  void launch() {
    if (args_.count > 0) kernels::low_rank_sums(Device::cuda, args_);
    forget();
  }
  void forget() {
    args_.count = 0;
    kept_.clear();
  }

 private:
  // True if a part that waits adds to the same gradient: a launch has one writer for each.
  bool meets(const Part& part) const {
    return std::any_of(args_.parts, args_.parts + args_.count, [&](const Part& other) {
      return (part.da.data && part.da.data == other.da.data) ||
             (part.db.data && part.db.data == other.db.data) ||
             (part.dgate.data && part.dgate.data == other.dgate.data);
    });
  }

  kernels::LowRankSumsArgs args_ = {};
  std::vector<Tensor> kept_;
};

WaitingSums& waiting_sums() {
  static thread_local WaitingSums waiting;
  return waiting;
}

// The gradients of one delta's factors: now, or with those of other deltas. `part` lacks them.
void add_sums(WaitingSums::Part part, size_t number, const Factors& factors,
              const std::vector<Tensor>& read, Gradients& gradients) {
  const auto place = [&](size_t factor, const Tensor& value) {
    return InputGradient(gradients, kFactors + 3 * number + factor, value.shape(),
                         factors.a.device());
  };
  const std::array<InputGradient, 3> places = {place(0, factors.a), place(1, factors.b),
                                               place(2, factors.gate)};
  part.da = places[0].get();
  part.db = places[1].get();
  part.dgate = places[2].get();
  if (std::all_of(places.begin(), places.end(),
                  [](const InputGradient& each) { return !each.wanted() || each.provided(); })) {
    const bool wanted = part.da.data || part.db.data || part.dgate.data;
    if (wanted) waiting_sums().add(part, read);
    return;
  }
  kernels::low_rank_sums(Device::cuda, {.parts = {part}, .count = 1});
  for (const InputGradient& each : places) each.hand_over(gradients);
}

// dh and du, dx, and the gradients of all factors.
void backward_deltas(const Kept& kept, const Tensor& dy, Gradients& gradients) {
  DeltaOperand& operand = *kept.gradient;
  const bool wants_dx = gradients.wanted(kInput) || gradients.wanted(kGeluOf);
  if (!operand.is_of(dy)) kernels::delta_operand(Device::cuda, operand.begin(dy, wants_dx));
  if (wants_dx) add_dx(kept, gradients);
  const int64_t rows = kept.x.size(0);
  const Tensor &dh = operand.made.sums, &du = operand.made.scaled;
  int64_t before = 0;
  for (size_t i = 0; i < operand.factors.size(); ++i) {
    const Factors& factors = operand.factors[i];
    const kernels::LowRankDelta delta = factors.view();
    add_sums({.delta = delta,
              .x = kept.x.data(),
              .u = kept.u.data() + before,
              .dy = dy.data() + static_cast<int64_t>(i) * rows * delta.out,
              .dh = dh.data() + before,
              .du = du.data() + before,
              .da = {},
              .db = {},
              .dgate = {},
              .rows = rows},
             i, factors, {kept.x, kept.u, dy, dh, du, factors.gate}, gradients);
    before += rows * delta.rank;
  }
}

void check(const Variable& x, const DeltaProduct& product) {
  const DeltaMatrix& matrix = *product.matrix;
  require(x.shape().rank() == 2 && x.size(1) == matrix.in(),
          "[linear_deltas] x {} does not fit weights ({}, {}).", x.shape(), matrix.out(),
          matrix.in());
  for (const LowRank& delta : product.deltas) {
    require(delta.a.size(1) == matrix.in() && delta.b.size(0) == matrix.out() &&
                delta.b.size(1) == delta.a.size(0) &&
                (!delta.gate.defined() || delta.gate.value().numel() == delta.a.size(0)),
            "[linear_deltas] a {}, b {}, gate {} do not fit weights ({}, {}).", delta.a.shape(),
            delta.b.shape(), delta.gate.shape(), matrix.out(), matrix.in());
  }
}

// The operand of x, which the op before may have made.
std::shared_ptr<DeltaOperand> operand_of(const Variable& x, const DeltaProduct& product) {
  const auto& ready = x.operand();
  if (ready && ready->is_for(product) && ready->is_of(x.value())) return ready;
  auto operand = DeltaOperand::of_value(product);
  kernels::delta_operand(Device::cuda, operand->begin(x.value()));
  return operand;
}

// Records the product; writes gelu of it, too, if that is defined.
Variable record_product(const Activated& x, const DeltaProduct& product, const Tensor& gelu) {
  check(x.y, product);
  const DeltaMatrix& matrix = *product.matrix;
  const auto operand = operand_of(x.y, product);
  const auto count = static_cast<int64_t>(product.deltas.size());
  const Tensor y = Tensor::empty({count * x.y.size(0), matrix.out()}, kReal, x.y.device());
  matrix.forward({.operand = operand->made.rows,
                  .count = count,
                  .y = y.data(),
                  .gelu = gelu.defined() ? gelu.data() : nullptr});
  std::vector<Variable> inputs = {x.y, x.gelu_of};
  for (const LowRank& delta : product.deltas) {
    inputs.insert(inputs.end(), {delta.a, delta.b, delta.gate});
  }
  const Kept kept{.x = x.y.value(),
                  .gelu_of = x.gelu_of.value(),
                  .u = operand->made.sums,
                  .gradient = operand->of_gradient()};
  Variable result = record(
      "linear_deltas", y, std::move(inputs),
      [kept](const Tensor& dy, Gradients& gradients) { backward_deltas(kept, dy, gradients); });
  const bool wants_dx = x.y.requires_grad() || x.gelu_of.requires_grad();
  if (wants_dx && matrix.linears() == 1) result.set_operand(kept.gradient);
  return result;
}

}  // namespace

namespace detail {

DeferredWork::~DeferredWork() {
  waiting_sums().forget();
}

void DeferredWork::finish() {
  waiting_sums().launch();
}

}  // namespace detail

Variable linear_deltas(const Activated& x, const DeltaProduct& product) {
  return record_product(x, product, Tensor());
}

Activated linear_deltas_gelu(const Variable& x, const DeltaProduct& product) {
  const Tensor y = Tensor::empty({x.size(0), product.matrix->out()}, kReal, x.device());
  const Variable argument = record_product({x, {}}, product, y);
  return {record_unary("gelu", y, argument, kernels::gelu_backward), argument};
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
