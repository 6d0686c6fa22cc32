// Linears with their deltas as one bf16 product.
#include <algorithm>
#include <array>

#include "autograd/deferred.h"
#include "autograd/joint_ops.h"
#include "autograd/ops/delta_operand.h"
#include "autograd/ops/input_gradient.h"
#include "autograd/ops/unary.h"
#include "autograd/ops/waiting.h"

namespace soragrad {
namespace {

using waiting::SumsPart;

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

// Where the gradients of a delta's factors go.
class FactorGradients {
 public:
  // Of delta number `number` among the inputs.
  FactorGradients(const Gradients& gradients, size_t number, const Factors& factors)
      : places_{place(gradients, kFactors + 3 * number, factors.a),
                place(gradients, kFactors + 3 * number + 1, factors.b),
                place(gradients, kFactors + 3 * number + 2, factors.gate)} {}

  void set(SumsPart& part) const {
    part.da = places_[0].get();
    part.db = places_[1].get();
    part.dgate = places_[2].get();
  }
  bool wanted() const {
    return std::any_of(places_.begin(), places_.end(), [](auto& each) { return each.wanted(); });
  }
  // True if all were provided: they stay where they are, so they may be written later.
  bool stay() const {
    return std::all_of(places_.begin(), places_.end(),
                       [](auto& each) { return !each.wanted() || each.provided(); });
  }
  void hand_over(Gradients& gradients) const {
    for (const InputGradient& each : places_) each.hand_over(gradients);
  }

 private:
  static InputGradient place(const Gradients& gradients, size_t input, const Tensor& value) {
    return {gradients, input, value.shape(), Device::cuda};
  }
  std::array<InputGradient, 3> places_;
};

// The gradients of one delta's factors: now, or with those of other deltas. `part` lacks them.
void add_sums(SumsPart part, size_t number, const Factors& factors, const std::vector<Tensor>& read,
              Gradients& gradients) {
  const FactorGradients places(gradients, number, factors);
  if (!places.wanted()) return;
  places.set(part);
  if (places.stay()) return waiting::add_sums(part, read);
  kernels::low_rank_sums(Device::cuda, {.parts = {part}, .count = 1});
  places.hand_over(gradients);
}

// dh and du, dx, and the gradients of all factors.
void backward_deltas(const Kept& kept, const Tensor& dy, Gradients& gradients) {
  DeltaOperand& operand = *kept.gradient;
  if (!operand.is_of(dy)) kernels::delta_operand(Device::cuda, operand.begin(dy));
  if (operand.has_rows) add_dx(kept, gradients);
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

void check(const Tensor& x, const DeltaProduct& product, int64_t groups) {
  const DeltaMatrix& matrix = *product.matrix;
  require(x.shape().rank() == 2 && x.size(1) == matrix.in(),
          "[linear_deltas] x {} does not fit weights ({}, {}).", x.shape(), matrix.out(),
          matrix.in());
  require(matrix.groups() == groups &&
              static_cast<int64_t>(product.deltas.size()) == groups * matrix.linears(),
          "[linear_deltas] {} deltas for {} groups of {} Linears.", product.deltas.size(),
          matrix.groups(), matrix.linears());
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

// The inputs of the op, in the order of their numbers.
std::vector<Variable> inputs_of(const Activated& x, std::span<const LowRank> deltas) {
  std::vector<Variable> inputs = {x.y, x.gelu_of};
  for (const LowRank& delta : deltas) {
    inputs.insert(inputs.end(), {delta.a, delta.b, delta.gate});
  }
  return inputs;
}

// Records the product; writes gelu of it, too, if that is defined.
Variable record_product(const Activated& x, const DeltaProduct& product, const Tensor& gelu) {
  check(x.y.value(), product, 1);
  const DeltaMatrix& matrix = *product.matrix;
  const auto operand = operand_of(x.y, product);
  const Tensor y =
      Tensor::empty({matrix.linears() * x.y.size(0), matrix.out()}, kReal, x.y.device());
  matrix.forward({.operand = operand->made.rows,
                  .y = y.data(),
                  .gelu = gelu.defined() ? gelu.data() : nullptr});
  const Kept kept{.x = x.y.value(),
                  .gelu_of = x.gelu_of.value(),
                  .u = operand->made.sums,
                  .gradient = operand->of_gradient()};
  kept.gradient->has_rows = x.y.requires_grad() || x.gelu_of.requires_grad();
  Variable result = record(
      "linear_deltas", y, inputs_of(x, product.deltas),
      [kept](const Tensor& dy, Gradients& gradients) { backward_deltas(kept, dy, gradients); });
  if (result.requires_grad()) result.set_operand(kept.gradient);
  return result;
}

// What backward of one group reads. x is the group's, after dropout.
struct KeptGroup {
  Tensor x;
  std::vector<Factors> factors;
  Tensor u, b_by_rank;  // of all groups
  int64_t first_rank;   // number of ranks of the groups before
};

// dh and du, and the gradients of all factors: with those of other groups if they may wait.
void backward_group(const KeptGroup& kept, const Tensor& dy, Gradients& gradients) {
  const int64_t rows = kept.x.size(0), out = dy.size(1);
  int64_t rank = kept.first_rank;
  for (size_t i = 0; i < kept.factors.size(); ++i) {
    const Factors& factors = kept.factors[i];
    const kernels::LowRankDelta delta = factors.view();
    const Tensor dh = Tensor::empty({rows, delta.rank}, kReal, Device::cuda);
    const Tensor du = Tensor::empty_like(dh);
    const real* own_dy = dy.data() + static_cast<int64_t>(i) * rows * out;
    const waiting::ProductPart product{.delta = delta,
                                       .x = own_dy,
                                       .sums = dh.data(),
                                       .scaled = du.data(),
                                       .b_by_rank = kept.b_by_rank.data() + rank * out,
                                       .copy = nullptr,
                                       .columns = nullptr,
                                       .border = nullptr,
                                       .dropped = nullptr,
                                       .site = 0};
    SumsPart sums{.delta = delta,
                  .x = kept.x.data(),
                  .u = kept.u.data() + rows * rank,
                  .dy = own_dy,
                  .dh = dh.data(),
                  .du = du.data(),
                  .da = {},
                  .db = {},
                  .dgate = {},
                  .rows = rows};
    rank += delta.rank;
    const FactorGradients places(gradients, i, factors);
    if (!places.wanted()) continue;
    places.set(sums);
    waiting::add_product(product, sums, {kept.x, kept.u, kept.b_by_rank, dy, dh, du, factors.gate});
    if (places.stay()) continue;
    detail::DeferredWork::finish();
    places.hand_over(gradients);
  }
}

// Makes the operands of all groups; returns their inputs after dropout, or x itself.
Tensor make_group_operands(const Tensor& x, DeltaOperand& operand, double p,
                           std::span<const RandomStream> streams) {
  const DeltaMatrix& matrix = *operand.matrix;
  const int64_t groups = matrix.groups(), of_group = matrix.linears(), rows = x.size(0);
  const auto views = operand.deltas();
  const DeltaMatrix::Deltas deltas{views.data(), views.size()};
  Tensor kept = p > 0 ? Tensor::empty({groups * rows, x.size(1)}, kReal, x.device()) : x;
  operand.begin(x);
  constexpr int64_t kAtOnce = kernels::DeltaOperandArgs::kMaxParts;
  for (int64_t first = 0; first < groups * of_group; first += kAtOnce) {
    kernels::DeltaOperandArgs args = matrix.kernel_args(operand.made, x.data(), deltas, first);
    args.drop_threshold = drop_threshold(p);
    args.keep_scale = static_cast<real>(1 / (1 - p));
    args.stream = streams[0];
    for (int i = 0; i < args.count && p > 0; ++i) {
      const int64_t group = (first + i) / of_group;
      args.parts[i].site = streams[static_cast<size_t>(group)].site;
      const bool keeps = (first + i) % of_group == 0;
      args.parts[i].dropped = keeps ? kept.data() + group * x.numel() : nullptr;
    }
    kernels::delta_operand(Device::cuda, args);
  }
  return kept;
}

}  // namespace

Variable linear_deltas(const Activated& x, const DeltaProduct& product) {
  return record_product(x, product, Tensor());
}

Activated linear_deltas_gelu(const Variable& x, const DeltaProduct& product) {
  const Tensor y = Tensor::empty({x.size(0), product.matrix->out()}, kReal, x.device());
  const Variable argument = record_product({x, {}}, product, y);
  return {record_unary("gelu", y, argument, kernels::gelu_backward), argument};
}

std::vector<Variable> linear_deltas_of_groups(const Tensor& x, const DeltaProduct& product,
                                              double p, std::span<const RandomStream> streams) {
  const DeltaMatrix& matrix = *product.matrix;
  const int64_t groups = matrix.groups(), rows = x.size(0), of_group = matrix.linears();
  check(x, product, static_cast<int64_t>(streams.size()));
  const auto operand = DeltaOperand::of_value(product);
  const Tensor kept = make_group_operands(x, *operand, p, streams);
  const Tensor y = Tensor::empty({groups * of_group * rows, matrix.out()}, kReal, x.device());
  matrix.forward({.operand = operand->made.rows, .y = y.data()});
  const auto gradient = operand->of_gradient();
  gradient->late = true;
  std::vector<Variable> results;
  int64_t ranks = 0;
  for (int64_t group = 0; group < groups; ++group) {
    const auto first = operand->factors.begin() + group * of_group;
    const KeptGroup own{.x = p > 0 ? kept.slice(group * rows, (group + 1) * rows) : x,
                        .factors = {first, first + of_group},
                        .u = operand->made.sums,
                        .b_by_rank = operand->made.b_by_rank,
                        .first_rank = ranks};
    for (const Factors& each : own.factors) ranks += each.a.size(0);
    const std::span<const LowRank> deltas = product.deltas;
    results.push_back(record(
        "linear_deltas", y.slice(group * of_group * rows, (group + 1) * of_group * rows),
        inputs_of({}, deltas.subspan(static_cast<size_t>(group * of_group),
                                     static_cast<size_t>(of_group))),
        [own](const Tensor& dy, Gradients& gradients) { backward_group(own, dy, gradients); }));
    results.back().set_operand(gradient);
  }
  return results;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
