#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {
namespace {

// sum of relu(x) + relu(-x).
Variable sum_abs(const Variable& x) {
  return sum(add(relu(x), relu(scale(x, -1))));
}

void add_regularizer_cases(std::vector<OpCase>& rows) {
  // 131 parts are more than one launch takes.
  std::vector<OpInput> gates;
  for (int part = 0; part < 131; ++part) {
    gates.push_back({normal_off_zero({1, part % 3 + 1}, 60 + part, real(0.01)), part % 5 != 0});
  }
  rows.push_back({.op = "mean_abs",
                  .what = "131 parts, some frozen",
                  .inputs = gates,
                  .call = [](auto in) { return mean_abs(in, real(0.3)); },
                  .composed =
                      [](auto in) {
                        Variable total = sum_abs(in[0]);
                        int64_t elements = in[0].value().numel();
                        for (size_t i = 1; i < in.size(); ++i) {
                          total = add(total, sum_abs(in[i]));
                          elements += in[i].value().numel();
                        }
                        return scale(total, real(0.3) / static_cast<real>(elements));
                      }});
  rows.push_back(
      {.op = "orthogonality",
       .what = "two A and one B",
       .inputs = {{normal({3, 8}, 200)}, {normal({4, 5}, 201)}, {normal({9, 3}, 202)}},
       .call = [](auto in) { return orthogonality(in.first(2), in.last(1), real(0.5)); }});
  std::vector<OpInput> many;
  for (int part = 0; part < 70; ++part) many.push_back({normal({2, 3}, 210 + part), part % 7 != 0});
  rows.push_back(
      {.op = "orthogonality",
       .what = "70 matrices, some frozen",
       .inputs = many,
       .call = [](auto in) { return orthogonality(in.first(35), in.last(35), real(0.5)); },
       .composed =
           [](auto in) {
             Variable total;
             for (size_t i = 0; i < in.size(); ++i) {
               const auto one = in.subspan(i, 1), none = in.first(0);
               const Variable part = i < 35 ? orthogonality(one, none, real(0.5) / 70)
                                            : orthogonality(none, one, real(0.5) / 70);
               total = total.defined() ? add(total, part) : part;
             }
             return total;
           },
       .tolerance = 2e-6,
       .reason = "70 parts added one by one in float"});
}

// Shares of five rows; one row does not count.
Tensor five_shares(Device device) {
  return Tensor::from<real>({real(0.25), real(0.5), 0, real(0.125), real(0.125)}, {5}).to(device);
}

void add_weighted_cases(std::vector<OpCase>& rows) {
  const std::vector<int64_t> labels = {2, 0, 1, 2, 2};
  rows.push_back({.op = "weighted_cross_entropy",
                  .what = "smoothed, 3 classes",
                  .inputs = {{normal({5, 3}, 70)}},
                  .call = [=](auto in) {
                    const Device device = in[0].device();
                    return weighted_cross_entropy(in[0], Tensor::from(labels, {5}, device),
                                                  five_shares(device), real(0.1));
                  }});
  rows.push_back(
      {.op = "weighted_cross_entropy",
       .what = "equal shares are the mean",
       .inputs = {{normal({4, 7}, 71)}},
       .call =
           [](auto in) {
             const Device device = in[0].device();
             const Tensor four = Tensor::from<int64_t>({6, 0, 3, 3}, {4}, device);
             return weighted_cross_entropy(in[0], four, Tensor::full({4}, real(0.25), device), 0);
           },
       .composed =
           [](auto in) {
             const Device device = in[0].device();
             return cross_entropy(in[0], Tensor::from<int64_t>({6, 0, 3, 3}, {4}, device));
           }});
  rows.push_back({.op = "weighted_binary_cross_entropy",
                  .what = "5 rows of 3 classes",
                  .inputs = {{normal({5, 3}, 72)}},
                  .call = [](auto in) {
                    const Device device = in[0].device();
                    const Tensor targets = Tensor::from<real>(
                        {1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1}, {5, 3}, device);
                    return weighted_binary_cross_entropy(in[0], targets, five_shares(device));
                  }});
  rows.push_back(
      {.op = "weighted_mse",
       .what = "equal shares are the mean",
       .inputs = {{normal({4, 1}, 73)}},
       .call =
           [](auto in) {
             const Device device = in[0].device();
             return weighted_mse(in[0], normal({4}, 74).to(device),
                                 Tensor::full({4}, real(0.25), device));
           },
       .composed = [](auto in) { return mse(in[0], normal({4}, 74).to(in[0].device())); }});
  rows.push_back({.op = "weighted_mse",
                  .what = "a row that does not count",
                  .inputs = {{normal({5, 1}, 75)}},
                  .call = [](auto in) {
                    const Device device = in[0].device();
                    return weighted_mse(in[0], normal({5}, 76).to(device), five_shares(device));
                  }});
}

}  // namespace

void add_loss_cases(std::vector<OpCase>& rows) {
  const std::vector<int64_t> labels = {2, 0, 1, 2, 2};
  rows.push_back({.op = "cross_entropy",
                  .what = "3 classes",
                  .inputs = {{normal({5, 3}, 54)}},
                  .call = [=](auto in) {
                    return cross_entropy(in[0], Tensor::from(labels, {5}, in[0].device()));
                  }});
  rows.push_back({.op = "cross_entropy",
                  .what = "101 classes",
                  .inputs = {{normal({2, 101}, 55)}},
                  .call = [](auto in) {
                    const Tensor two = Tensor::from<int64_t>({100, 7}, {2}, in[0].device());
                    return cross_entropy(in[0], two);
                  }});
  rows.push_back({.op = "mse",
                  .what = "a column of predictions",
                  .inputs = {{normal({6, 1}, 56)}},
                  .call = [](auto in) { return mse(in[0], normal({6}, 57).to(in[0].device())); },
                  .composed =
                      [](auto in) {
                        const Tensor targets = normal({6}, 57).view({6, 1}).to(in[0].device());
                        const Variable d = add(in[0], scale(Variable(targets), -1));
                        return scale(sum(mul(d, d)), real(1) / 6);
                      }});
  rows.push_back(
      {.op = "sum", .what = "of a matrix", .inputs = {{normal({5, 7}, 58)}}, .call = [](auto in) {
         return sum(in[0]);
       }});
  add_weighted_cases(rows);
  add_regularizer_cases(rows);
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
