#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::testing {
namespace {

// (1, n) repeated in `rows` rows.
Variable broadcast_row(const Variable& row, int64_t rows) {
  const std::vector<real> ones(static_cast<size_t>(rows), 1);
  return matmul(constant(ones, {rows, 1}, row.device()), row);
}

constexpr double kProduct = 2e-6;
constexpr const char* kProductReason = "sums of up to 40 products in another order";

void add_low_rank_cases(std::vector<OpCase>& rows) {
  const std::vector<OpInput> inputs = {{normal({6, 9}, 30)},
                                       {normal({6, 11}, 31)},
                                       {normal({4, 11}, 32)},
                                       {normal({9, 4}, 33)},
                                       {normal({1, 4}, 34)}};
  const auto composed = [](std::span<const Variable> in, bool gated) {
    const Variable h = matmul(in[1], in[2], false, true);
    const Variable gated_h = gated ? mul(h, broadcast_row(in[4], h.size(0))) : h;
    return add(in[0], scale(matmul(gated_h, in[3], false, true), real(0.7)));
  };
  rows.push_back(
      {.op = "low_rank_delta",
       .what = "with a gate",
       .inputs = inputs,
       .call = [](auto in) { return low_rank_delta(in[0], in[1], in[2], in[3], in[4], real(0.7)); },
       .composed = [=](auto in) { return composed(in, true); },
       .tolerance = kProduct,
       .reason = kProductReason});
  rows.push_back({.op = "low_rank_delta",
                  .what = "no gate, added in place to a temporary, x frozen",
                  .inputs = {inputs[0], {inputs[1].value, false}, inputs[2], inputs[3]},
                  .call =
                      [](auto in) {
                        return low_rank_delta(scale(in[0], 1), in[1], in[2], in[3], Variable(),
                                              real(0.7));
                      },
                  .composed = [=](auto in) { return composed(in, false); },
                  .tolerance = kProduct,
                  .reason = kProductReason});
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
  add_low_rank_cases(rows);
}

}  // namespace soragrad::testing
