#include "autograd/ops/delta_operand.h"

#include <algorithm>

namespace soragrad {

kernels::LowRankDelta Factors::view() const {
  return {.a = a.data(),
          .b = b.data(),
          .gate = gate.defined() ? gate.data() : nullptr,
          .rank = a.size(0),
          .in = a.size(1),
          .out = b.size(0),
          .factor = factor};
}

std::shared_ptr<DeltaOperand> DeltaOperand::of_value(const DeltaProduct& product) {
  auto operand = std::make_shared<DeltaOperand>();
  operand->matrix = product.matrix;
  for (const LowRank& delta : product.deltas) {
    operand->factors.push_back(
        {delta.a.value(), delta.b.value(), delta.gate.value(), delta.factor});
  }
  operand->made.forward = true;
  return operand;
}

std::shared_ptr<DeltaOperand> DeltaOperand::of_gradient() const {
  auto operand = std::make_shared<DeltaOperand>();
  operand->matrix = matrix;
  operand->factors = factors;
  operand->made = {
      .forward = false, .rows = {}, .sums = {}, .scaled = {}, .b_by_rank = made.b_by_rank};
  return operand;
}

std::vector<kernels::LowRankDelta> DeltaOperand::deltas() const {
  std::vector<kernels::LowRankDelta> result;
  result.reserve(factors.size());
  for (const Factors& each : factors) result.push_back(each.view());
  return result;
}

kernels::DeltaOperandArgs DeltaOperand::begin(const Tensor& rows) {
  const std::vector<kernels::LowRankDelta> views = deltas();
  const DeltaMatrix::Deltas all{views.data(), views.size()};
  const auto count = static_cast<int64_t>(views.size());
  from = rows;
  made = made.forward
             ? matrix->forward_operand(rows.size(0), all)
             : matrix->backward_operand(rows.size(0) / count, all, made.b_by_rank, has_rows);
  return matrix->kernel_args(made, rows.data(), all);
}

bool DeltaOperand::is_of(const Tensor& rows) const {
  return from.defined() && from.raw() == rows.raw();
}

bool DeltaOperand::is_for(const DeltaProduct& product) const {
  const auto same = [](const Factors& own, const LowRank& other) {
    return own.a.raw() == other.a.value().raw() && own.b.raw() == other.b.value().raw();
  };
  return made.forward && matrix == product.matrix &&
         std::equal(factors.begin(), factors.end(), product.deltas.begin(), product.deltas.end(),
                    same);
}

std::shared_ptr<DeltaOperand> operand_of_gradient(const Variable& x, int64_t linears) {
  const auto& operand = x.operand();
  const bool wanted =
      operand && !operand->made.forward && !operand->late && operand->matrix->linears() == linears;
  return wanted ? operand : nullptr;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
