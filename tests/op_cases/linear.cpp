#include "autograd/ops.h"
#include "core/packed_matrix.h"
#include "tests/op_cases.h"
#include "tests/op_cases/products.h"

namespace soragrad::test {
namespace {

constexpr double kProduct = 2e-6;
constexpr const char* kProductReason = "sums of up to 40 products in another order";

// The inputs of a low-rank delta: y, x, A, B, gate.
std::vector<OpInput> low_rank_inputs(int64_t rows, int64_t in, int64_t out, int64_t rank) {
  return {{normal({rows, out}, 30)},
          {normal({rows, in}, 31)},
          {normal({rank, in}, 32)},
          {normal({out, rank}, 33)},
          {normal({1, rank}, 34)}};
}

void add_low_rank_cases(std::vector<OpCase>& rows) {
  const auto composed = [](std::span<const Variable> in, bool gated) {
    const Variable h = matmul(in[1], in[2], false, true);
    const Variable gated_h = gated ? mul(h, broadcast_row(in[4], h.size(0))) : h;
    return add(in[0], scale(matmul(gated_h, in[3], false, true), real(0.7)));
  };
  const auto add_gated = [&](const char* what, std::vector<OpInput> inputs) {
    rows.push_back(
        {.op = "low_rank_delta",
         .what = what,
         .inputs = std::move(inputs),
         .call =
             [](auto in) { return low_rank_delta(in[0], in[1], in[2], in[3], in[4], real(0.7)); },
         .composed = [=](auto in) { return composed(in, true); },
         .tolerance = kProduct,
         .reason = kProductReason});
  };
  add_gated("with a gate", low_rank_inputs(6, 9, 11, 4));
  add_gated("rank 1, whole vectors", low_rank_inputs(5, 32, 16, 1));
  add_gated("an odd rank above 8, more columns than a block", low_rank_inputs(3, 70, 5, 11));
  std::vector<OpInput> no_gate = low_rank_inputs(6, 11, 9, 4);
  no_gate[1].differentiable = false;
  no_gate.pop_back();
  rows.push_back({.op = "low_rank_delta",
                  .what = "no gate, added in place to a temporary, x frozen",
                  .inputs = std::move(no_gate),
                  .call =
                      [](auto in) {
                        return low_rank_delta(scale(in[0], 1), in[1], in[2], in[3], Variable(),
                                              real(0.7));
                      },
                  .composed = [=](auto in) { return composed(in, false); },
                  .tolerance = kProduct,
                  .reason = kProductReason});
  rows.push_back(
      {.op = "low_rank_delta",
       .what = "two that add to the gradients of one x, A, B and gate; many rows",
       .inputs = low_rank_inputs(131, 3, 2, 3),
       .call =
           [](auto in) {
             const Variable y = low_rank_delta(in[0], in[1], in[2], in[3], in[4], real(0.7));
             return low_rank_delta(y, in[1], in[2], in[3], in[4], real(0.2));
           },
       .composed =
           [=](auto in) {
             const Variable y = composed(in, true);
             return add(y, scale(add(composed(in, true), scale(in[0], -1)), real(0.2) / real(0.7)));
           },
       .tolerance = 5e-6,
       .reason = "sums of 131 products in another order"});
}

void add_bf16_cases(std::vector<OpCase>& rows) {
  const auto call = [](const Variable& x, const Variable& weight, const Variable& bias) {
    return linear(x, weight, bias, std::make_shared<PackedMatrix>(weight.value(), Precision::bf16));
  };
  rows.push_back({.op = "linear",
                  .what = "bf16, with bias",
                  .inputs = {{normal({5, 40}, 20)}, {normal({6, 40}, 21)}, {normal({1, 6}, 22)}},
                  .call = [=](auto in) { return call(in[0], in[1], in[2]); },
                  .composed =
                      [](auto in) {
                        return add(rounded_product(in[0], in[1]),
                                   broadcast_row(in[2], in[0].size(0)));
                      },
                  .tolerance = kProduct,
                  .reason = kProductReason});
  rows.push_back(
      {.op = "linear",
       .what = "bf16, two Linears that add to one dx",
       .inputs = {{normal({11, 7}, 20)}, {normal({3, 7}, 21), false}, {normal({3, 7}, 22), false}},
       .call =
           [=](auto in) {
             return add(call(in[0], in[1], Variable()), call(in[0], in[2], Variable()));
           },
       .composed =
           [](auto in) {
             return add(rounded_product(in[0], in[1]), rounded_product(in[0], in[2]));
           },
       .tolerance = kProduct,
       .reason = kProductReason});
  rows.push_back({.op = "linear",
                  .what = "bf16, two inputs whose products add to one dW",
                  .inputs = {{normal({11, 8}, 20)}, {normal({11, 8}, 23)}, {normal({16, 8}, 21)}},
                  .call =
                      [=](auto in) {
                        return add(call(in[0], in[2], Variable()), call(in[1], in[2], Variable()));
                      },
                  .composed =
                      [](auto in) {
                        return add(rounded_product(in[0], in[2]), rounded_product(in[1], in[2]));
                      },
                  .tolerance = kProduct,
                  .reason = kProductReason});
}

// Two Linears with a GELU between them; inputs are x, W1, b1 and W2.
struct TwoLinears {
  const char* what;
  Precision precision;
  std::vector<OpInput> inputs;
  // Other uses of the GELU's result, whose backward comes before or after the second Linear's.
  bool used_later = false, used_earlier = false;
};

void add_gelu_case(std::vector<OpCase>& rows, TwoLinears linears) {
  const Precision precision = linears.precision;
  // The result from `second`, the second Linear.
  const auto combined = [later = linears.used_later, earlier = linears.used_earlier](
                            const Variable& wide, const Variable& weight, const auto& second) {
    const auto other = [&](real factor) {
      return scale(matmul(wide, weight, false, true), factor);
    };
    const Variable before = earlier ? other(real(0.4)) : Variable();
    Variable y = second();
    if (later) y = add(y, other(real(-0.3)));
    return earlier ? add(y, before) : y;
  };
  rows.push_back({.op = "linear",
                  .what = linears.what,
                  .inputs = std::move(linears.inputs),
                  .call =
                      [=](auto in) {
                        const auto packed = [&](const Variable& weight) {
                          return std::make_shared<PackedMatrix>(weight.value(), precision);
                        };
                        const Activated wide = linear_gelu(in[0], in[1], in[2], packed(in[1]));
                        return combined(wide.y, in[3], [&] {
                          return linear(wide, in[3], Variable(), packed(in[3]));
                        });
                      },
                  .composed =
                      [=](auto in) {
                        const auto product = [&](const Variable& x, const Variable& weight) {
                          return precision == Precision::bf16 ? rounded_product(x, weight)
                                                              : matmul(x, weight, false, true);
                        };
                        const Variable wide =
                            gelu(add(product(in[0], in[1]), broadcast_row(in[2], in[0].size(0))));
                        return combined(wide, in[3], [&] { return product(wide, in[3]); });
                      },
                  .tolerance = kProduct,
                  .reason = kProductReason});
}

void add_gelu_cases(std::vector<OpCase>& rows) {
  const auto inputs = [](int64_t in, int64_t wide, int64_t out, bool trains) {
    return std::vector<OpInput>{{normal({5, in}, 40)},
                                {normal({wide, in}, 41), trains},
                                {normal({1, wide}, 42)},
                                {normal({out, wide}, 43), trains}};
  };
  add_gelu_case(rows, {"a GELU between two Linears", Precision::fp32, inputs(7, 11, 6, true)});
  add_gelu_case(rows, {"bf16, a GELU between two Linears, sizes that no fused kernel takes",
                       Precision::bf16, inputs(7, 11, 6, false)});
  add_gelu_case(rows,
                {"bf16, a GELU between two Linears", Precision::bf16, inputs(16, 24, 8, false)});
  for (const bool earlier : {false, true}) {
    add_gelu_case(rows, {.what = earlier ? "bf16, a GELU whose result is used before and after"
                                         : "bf16, a GELU whose result is used once more",
                         .precision = Precision::bf16,
                         .inputs = inputs(16, 24, 8, false),
                         .used_later = true,
                         .used_earlier = earlier});
  }
}

void add_feed_forward_cases(std::vector<OpCase>& rows) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    rows.push_back({.op = "feed_forward",
                    .what = precision == Precision::bf16 ? "bf16, several stripes of rows" : "fp32",
                    .inputs = {{normal({150, 7}, 50)},
                               {normal({11, 7}, 51)},
                               {normal({1, 11}, 52)},
                               {normal({6, 11}, 53)},
                               {normal({1, 6}, 54)}},
                    .call =
                        [=](auto in) {
                          const auto first =
                              std::make_shared<PackedMatrix>(in[1].value(), precision);
                          const auto second =
                              std::make_shared<PackedMatrix>(in[3].value(), precision);
                          return feed_forward(in[0], {in[1], in[2], first}, {in[3], in[4], second});
                        },
                    .composed =
                        [=](auto in) {
                          const auto product = [&](const Variable& x, size_t weight) {
                            const Variable y = precision == Precision::bf16
                                                   ? rounded_product(x, in[weight])
                                                   : matmul(x, in[weight], false, true);
                            return add(y, broadcast_row(in[weight + 1], x.size(0)));
                          };
                          return product(gelu(product(in[0], 1)), 3);
                        },
                    .tolerance = 1e-5,
                    .reason = "sums of up to 150 products in another order"});
  }
}

}  // namespace

void add_linear_cases(std::vector<OpCase>& rows) {
  rows.push_back({.op = "linear",
                  .what = "with bias",
                  .inputs = {{normal({5, 7}, 20)}, {normal({6, 7}, 21)}, {normal({1, 6}, 22)}},
                  .call = [](auto in) { return linear(in[0], in[1], in[2]); },
                  .composed =
                      [](auto in) {
                        return add(matmul(in[0], in[1], false, true),
                                   broadcast_row(in[2], in[0].size(0)));
                      },
                  .tolerance = kProduct,
                  .reason = kProductReason});
  rows.push_back({.op = "linear",
                  .what = "no bias, packed frozen weight",
                  .inputs = {{normal({5, 40}, 20)}, {normal({6, 40}, 21), false}},
                  .call =
                      [](auto in) {
                        const auto packed = std::make_shared<PackedMatrix>(in[1].value());
                        return linear(in[0], in[1], Variable(), packed);
                      },
                  .composed = [](auto in) { return matmul(in[0], in[1], false, true); },
                  .tolerance = kProduct,
                  .reason = kProductReason});
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      rows.push_back(
          {.op = "matmul",
           .what = fmt::format("transposed: a {}, b {}", transpose_a, transpose_b),
           .inputs = {{normal(transpose_a ? Shape{5, 3} : Shape{3, 5}, 23)},
                      {normal(transpose_b ? Shape{4, 5} : Shape{5, 4}, 24)}},
           .call = [=](auto in) { return matmul(in[0], in[1], transpose_a, transpose_b); },
           .tolerance = kProduct,
           .reason = kProductReason});
    }
  }
  add_bf16_cases(rows);
  add_gelu_cases(rows);
  add_feed_forward_cases(rows);
  add_low_rank_cases(rows);
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
