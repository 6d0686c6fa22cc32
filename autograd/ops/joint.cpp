// Linears with their deltas as one bf16 product.
#include <algorithm>
#include <array>

#include "autograd/deferred.h"
#include "autograd/joint_ops.h"
#include "autograd/ops/input_gradient.h"
#include "autograd/ops/unary.h"
#include "core/delta_matrix.h"
#include "core/kernels/linear/low_rank_sums.h"

namespace soragrad {
namespace {

// The values of a delta's factors.
struct Factors {
  Tensor a, b, gate;  // gate may be undefined
  real factor;

  kernels::LowRankDelta view() const {
    return {.a = a.data(),
            .b = b.data(),
            .gate = gate.defined() ? gate.data() : nullptr,
            .rank = a.size(0),
            .in = a.size(1),
            .out = b.size(0),
            .factor = factor};
  }
};

std::vector<kernels::LowRankDelta> views(const std::vector<Factors>& factors) {
  std::vector<kernels::LowRankDelta> result;
  result.reserve(factors.size());
  for (const Factors& each : factors) result.push_back(each.view());
  return result;
}

// Numbers of the inputs, in record()'s order; from kFactors on a, b and gate of each delta.
constexpr size_t kInput = 0, kGeluOf = 1, kFactors = 2;

// What backward reads.
struct Kept {
  std::shared_ptr<const DeltaMatrix> matrix;
  Tensor x, gelu_of;  // gelu_of may be undefined
  std::vector<Factors> factors;
  Tensor u;  // (rows, rank) of each delta, one after another
};

// dh and du, and dx or, past the op gelu, the gradient of its argument.
void add_dx(const Kept& kept, DeltaMatrix::Backward args, const Tensor& dy, Gradients& gradients) {
  const Shape shape = kept.x.shape();
  if (kept.gelu_of.defined() && gradients.wanted(kGeluOf)) {
    const Tensor sum = gradients.take(kInput);
    const Tensor dargument = Tensor::empty(shape, kReal, dy.device());
    args.before = kept.gelu_of.data();
    args.sum = sum.defined() ? sum.data() : nullptr;
    args.dx = dargument.data();
    kept.matrix->backward(args);
    gradients.add(kGeluOf, dargument);
    return;
  }
  const InputGradient dx(gradients, kInput, shape, dy.device());
  args.dx = dx.get().data;
  args.accumulate = dx.get().accumulate;
  kept.matrix->backward(args);
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

void backward_deltas(const Kept& kept, const Tensor& dy, Gradients& gradients) {
  const int64_t rows = kept.x.size(0), out = kept.matrix->out();
  const std::vector<kernels::LowRankDelta> deltas = views(kept.factors);
  const Tensor dh = Tensor::empty_like(kept.u), du = Tensor::empty_like(kept.u);
  add_dx(kept,
         {.dy = dy.data(),
          .rows = rows,
          .deltas = {deltas.data(), deltas.size()},
          .dh = dh.data(),
          .du = du.data()},
         dy, gradients);
  int64_t before = 0;
  for (size_t i = 0; i < deltas.size(); ++i) {
    const Factors& factors = kept.factors[i];
    add_sums({.delta = deltas[i],
              .x = kept.x.data(),
              .u = kept.u.data() + before,
              .dy = dy.data() + static_cast<int64_t>(i) * rows * out,
              .dh = dh.data() + before,
              .du = du.data() + before,
              .da = {},
              .db = {},
              .dgate = {},
              .rows = rows},
             i, factors, {kept.x, kept.u, dy, dh, du, factors.gate}, gradients);
    before += rows * deltas[i].rank;
  }
}

void check(const Variable& x, const DeltaMatrix& matrix, std::span<const LowRank> deltas) {
  require(x.shape().rank() == 2 && x.size(1) == matrix.in(),
          "[linear_deltas] x {} does not fit weights ({}, {}).", x.shape(), matrix.out(),
          matrix.in());
  for (const LowRank& delta : deltas) {
    require(delta.a.size(1) == matrix.in() && delta.b.size(0) == matrix.out() &&
                delta.b.size(1) == delta.a.size(0) &&
                (!delta.gate.defined() || delta.gate.value().numel() == delta.a.size(0)),
            "[linear_deltas] a {}, b {}, gate {} do not fit weights ({}, {}).", delta.a.shape(),
            delta.b.shape(), delta.gate.shape(), matrix.out(), matrix.in());
  }
}

// Records the product; writes gelu of it, too, if that is defined.
Variable product(const Activated& x, const std::shared_ptr<const DeltaMatrix>& matrix,
                 std::span<const LowRank> deltas, const Tensor& gelu) {
  check(x.y, *matrix, deltas);
  const int64_t rows = x.y.size(0);
  Kept kept{
      .matrix = matrix, .x = x.y.value(), .gelu_of = x.gelu_of.value(), .factors = {}, .u = {}};
  std::vector<Variable> inputs = {x.y, x.gelu_of};
  int64_t ranks = 0;
  for (const LowRank& delta : deltas) {
    kept.factors.push_back({delta.a.value(), delta.b.value(), delta.gate.value(), delta.factor});
    inputs.insert(inputs.end(), {delta.a, delta.b, delta.gate});
    ranks += delta.a.size(0);
  }
  kept.u = Tensor::empty({rows, ranks}, kReal, x.y.device());
  const auto count = static_cast<int64_t>(deltas.size());
  const Tensor y = Tensor::empty({count * rows, matrix->out()}, kReal, x.y.device());
  const std::vector<kernels::LowRankDelta> views_of = views(kept.factors);
  matrix->forward({.x = kept.x.data(),
                   .rows = rows,
                   .deltas = {views_of.data(), views_of.size()},
                   .u = kept.u.data(),
                   .y = y.data(),
                   .gelu = gelu.defined() ? gelu.data() : nullptr});
  return record("linear_deltas", y, std::move(inputs),
                [kept = std::move(kept)](const Tensor& dy, Gradients& gradients) {
                  backward_deltas(kept, dy, gradients);
                });
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

Variable linear_deltas(const Activated& x, const std::shared_ptr<const DeltaMatrix>& matrix,
                       std::span<const LowRank> deltas) {
  return product(x, matrix, deltas, Tensor());
}

Activated linear_deltas_gelu(const Variable& x, const std::shared_ptr<const DeltaMatrix>& matrix,
                             const LowRank& delta) {
  const Tensor y = Tensor::empty({x.size(0), matrix->out()}, kReal, x.device());
  const Variable argument = product({x, {}}, matrix, {&delta, 1}, y);
  return {record_unary("gelu", y, argument, kernels::gelu_backward), argument};
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
