// Linears with low-rank deltas as one product (autograd/joint_ops.h).
#include "autograd/joint_ops.h"
#include "autograd/ops.h"
#include "tests/op_cases.h"
#include "tests/op_cases/deltas.h"

namespace soragrad::test {
namespace {

// On the CPU, which has no such product, the row is composed.
void add_joint_case(std::vector<OpCase>& rows, const Deltas& deltas) {
  const auto composed = [](std::span<const Variable> in) { return stacked(in[0], in.subspan(1)); };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed(in);
    return linear_deltas({in[0], {}}, product_of(in.subspan(1)));
  };
  rows.push_back({.op = "linear_deltas",
                  .what = deltas.what,
                  .inputs = inputs_of(deltas),
                  .call = call,
                  .composed = composed,
                  .tolerance = kSplit,
                  .reason = kSplitReason});
}

// Groups of Linears that read one x, each with a dropout of its own; the results are added.
void add_groups_case(std::vector<OpCase>& rows, const char* what, size_t groups,
                     const Deltas& of_group, double p) {
  Deltas all = of_group;
  for (size_t i = 1; i < groups; ++i) {
    all.ranks.insert(all.ranks.end(), of_group.ranks.begin(), of_group.ranks.end());
  }
  std::vector<RandomStream> streams;
  for (uint32_t i = 0; i < groups; ++i) streams.push_back({.seed = 3, .site = 7 + i, .step = 2});
  const size_t inputs = of_group.ranks.size() * kOfLinear;
  const auto composed = [=](std::span<const Variable> in) {
    Variable sum;
    for (size_t i = 0; i < groups; ++i) {
      const Variable x = dropout(in[0], p, streams[i]);
      const Variable y = stacked(x, in.subspan(1 + i * inputs, inputs));
      sum = sum.defined() ? add(sum, y) : y;
    }
    return sum;
  };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed(in);
    const auto results =
        linear_deltas_of_groups(in[0].value(), product_of(in.subspan(1), groups), p, streams);
    Variable sum = results[0];
    for (size_t i = 1; i < groups; ++i) sum = add(sum, results[i]);
    return sum;
  };
  rows.push_back({.op = "linear_deltas",
                  .what = what,
                  .inputs = inputs_of(all),
                  .call = call,
                  .composed = composed,
                  .tolerance = kSplit,
                  .reason = kSplitReason});
}

// A GELU between two Linears with deltas; `beside` adds another use of its result.
void add_delta_gelu_case(std::vector<OpCase>& rows, const char* what, bool beside) {
  std::vector<OpInput> inputs = inputs_of({what, 5, 16, 24, {4}});
  const std::vector<OpInput> second = inputs_of({what, 5, 24, 8, {3}});
  inputs.insert(inputs.end(), second.begin() + 1, second.end());
  const auto with_other_use = [beside](const Variable& wide, const Variable& weight, Variable y) {
    return beside ? add(y, scale(matmul(wide, weight, false, true), real(0.4))) : y;
  };
  const auto composed = [=](std::span<const Variable> in) {
    const Variable wide = gelu(separate(in[0], in.subspan(1, kOfLinear)));
    return with_other_use(wide, in[1 + kOfLinear],
                          separate(wide, in.subspan(1 + kOfLinear, kOfLinear)));
  };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed(in);
    const auto first = in.subspan(1, kOfLinear), last = in.subspan(1 + kOfLinear, kOfLinear);
    const Activated wide = linear_deltas_gelu(in[0], product_of(first));
    return with_other_use(wide.y, last[0], linear_deltas(wide, product_of(last)));
  };
  rows.push_back({.op = "linear_deltas",
                  .what = what,
                  .inputs = std::move(inputs),
                  .call = call,
                  .composed = composed,
                  .tolerance = kSplit,
                  .reason = kSplitReason});
}

// A norm between one Linear with a delta and `after`, whose operands the norm's kernels make.
struct NormBetween {
  const char* what;
  double p;  // of dropout
  Deltas after;
  bool used_once_more = false;  // the first Linear's result, so that its gradient is a sum
  double tolerance = kSplit;
  const char* reason = kSplitReason;
};

void add_norm_between_case(std::vector<OpCase>& rows, const NormBetween& shape) {
  constexpr RandomStream kStream{.seed = 4, .site = 9, .step = 1};
  constexpr double kEps = 1e-5;
  const int64_t hidden = shape.after.in;
  std::vector<OpInput> inputs = inputs_of({"", shape.after.rows, 24, hidden, {4}});
  const std::vector<OpInput> after = inputs_of(shape.after);
  inputs.insert(inputs.end(), after.begin() + 1, after.end());
  const size_t residual = inputs.size(), weight = residual + 1, bias = residual + 2;
  inputs.push_back({normal({shape.after.rows, hidden}, 70)});
  inputs.push_back({normal({hidden}, 71)});
  inputs.push_back({normal({hidden}, 72)});
  const auto linears = [=](std::span<const Variable> in) {
    return in.subspan(1 + kOfLinear, shape.after.ranks.size() * kOfLinear);
  };
  const auto with_other_use = [=](std::span<const Variable> in, const Variable& y, Variable z) {
    return shape.used_once_more ? add(z, matmul(y, linears(in)[0], false, true)) : z;
  };
  const auto composed = [=](std::span<const Variable> in) {
    const Variable y = separate(in[0], in.subspan(1, kOfLinear));
    const Variable sum = add(dropout(y, shape.p, kStream), in[residual]);
    const Variable norm = layer_norm(sum, in[weight], in[bias], kEps);
    return with_other_use(in, y, stacked(norm, linears(in)));
  };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed(in);
    const Variable y = linear_deltas({in[0], {}}, product_of(in.subspan(1, kOfLinear)));
    const DeltaProduct next = product_of(linears(in));
    const Variable norm = residual_layer_norm(y, in[residual], in[weight], in[bias], kEps, shape.p,
                                              kStream, {.next = &next});
    return with_other_use(in, y, linear_deltas({norm, {}}, next));
  };
  rows.push_back({.op = "linear_deltas",
                  .what = shape.what,
                  .inputs = std::move(inputs),
                  .call = call,
                  .composed = composed,
                  .tolerance = shape.tolerance,
                  .reason = shape.reason});
}

void add_norm_between_cases(std::vector<OpCase>& rows) {
  add_norm_between_case(rows, {"a norm with dropout between Linears", 0.2, {"", 5, 16, 8, {4}}});
  add_norm_between_case(rows, {"a norm before three Linears", 0, {"", 6, 136, 8, {3, 9, 1}}});
  add_norm_between_case(rows, {.what = "a norm of rows beyond registers",
                               .p = 0.2,
                               .after = {"", 1, 1032, 8, {5}},
                               .tolerance = 4e-4,
                               .reason = "a number of a norm may be rounded to either neighbour"});
  add_norm_between_case(
      rows, {"a norm of a result that is used once more", 0.2, {"", 5, 16, 8, {4}}, true});
}

// A norm whose result is dropped before it reaches three Linears, as at the first layer.
void add_dropped_norm_case(std::vector<OpCase>& rows) {
  constexpr RandomStream kStream{.seed = 4, .site = 9, .step = 1};
  constexpr double kEps = 1e-5, kDropout = 0.2;
  std::vector<OpInput> inputs = inputs_of({"", 6, 136, 8, {3, 9, 1}});
  const size_t weight = inputs.size(), bias = weight + 1;
  inputs.push_back({normal({136}, 71)});
  inputs.push_back({normal({136}, 72)});
  const auto linears = [=](std::span<const Variable> in) { return in.subspan(1, weight - 1); };
  const auto composed = [=](std::span<const Variable> in) {
    const Variable norm = layer_norm(in[0], in[weight], in[bias], kEps);
    return stacked(dropout(norm, kDropout, kStream), linears(in));
  };
  const auto call = [=](std::span<const Variable> in) {
    if (in[0].device() == Device::cpu) return composed(in);
    const DeltaProduct next = product_of(linears(in));
    const Variable x =
        dropped_layer_norm(in[0], in[weight], in[bias], kEps, kDropout, kStream, &next);
    return linear_deltas({x, {}}, next);
  };
  rows.push_back({.op = "linear_deltas",
                  .what = "a norm before dropout and three Linears",
                  .inputs = std::move(inputs),
                  .call = call,
                  .composed = composed,
                  .tolerance = kSplit,
                  .reason = kSplitReason});
}

}  // namespace

void add_joint_cases(std::vector<OpCase>& rows) {
  add_joint_case(rows, {"one Linear", 5, 16, 24, {4}});
  add_joint_case(rows, {"an odd rank above 8, more columns than a block", 6, 1040, 8, {11}});
  add_joint_case(rows, {"one Linear, x frozen", 5, 16, 24, {8}, false});
  add_joint_case(rows, {"three Linears, ranks that differ, many rows", 131, 8, 16, {3, 9, 1}});
  add_groups_case(rows, "two groups of two Linears with dropout", 2, {"", 9, 24, 8, {8, 3}, false},
                  0.2);
  add_groups_case(rows, "more groups than a launch takes", 13, {"", 3, 8, 8, {1, 2}, false}, 0);
  add_delta_gelu_case(rows, "a GELU between two Linears", false);
  add_delta_gelu_case(rows, "a GELU whose result is used once more", true);
  add_norm_between_cases(rows);
  add_dropped_norm_case(rows);
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
