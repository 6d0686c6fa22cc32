#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {
namespace {

constexpr double kEps = 1e-5;
constexpr RandomStream kNormStream{.seed = 11, .site = 5, .step = 2};

void add_residual_case(std::vector<OpCase>& rows, const Shape& shape, double p, bool train_x,
                       bool train_residual) {
  const Shape row{shape[1]};
  rows.push_back(
      {.op = "residual_layer_norm",
       .what = fmt::format("{}, p = {}, x {}, residual {}", shape, p,
                           train_x ? "trained" : "frozen", train_residual ? "trained" : "frozen"),
       .inputs = {{normal(shape, 40), train_x},
                  {normal(shape, 41), train_residual},
                  {normal(row, 42)},
                  {normal(row, 43)}},
       .call =
           [=](auto in) {
             return residual_layer_norm(in[0], in[1], in[2], in[3], kEps, p, kNormStream);
           },
       .composed =
           [=](auto in) {
             return layer_norm(add(dropout(in[0], p, kNormStream), in[1]), in[2], in[3], kEps);
           }});
}

void add_dropped_case(std::vector<OpCase>& rows, const Shape& shape, double p) {
  const Shape row{shape[1]};
  rows.push_back(
      {.op = "dropped_layer_norm",
       .what = fmt::format("{}, p = {}", shape, p),
       .inputs = {{normal(shape, 47)}, {normal(row, 48)}, {normal(row, 49)}},
       .call =
           [=](auto in) { return dropped_layer_norm(in[0], in[1], in[2], kEps, p, kNormStream); },
       .composed =
           [=](auto in) {
             return dropout(layer_norm(in[0], in[1], in[2], kEps), p, kNormStream);
           }});
}

void add_table_case(std::vector<OpCase>& rows, int64_t hidden) {
  const std::vector<int64_t> ids = {4, 0, 4, 2};
  rows.push_back(
      {.op = "dropped_layer_norm",
       .what = fmt::format("rows of {} from a table", hidden),
       .inputs = {{normal({5, hidden}, 47)}, {normal({hidden}, 48)}, {normal({hidden}, 49)}},
       .call =
           [=](auto in) {
             const Tensor index = Tensor::from(ids, {4}, in[0].device());
             return dropped_layer_norm(TableRows{index, in[0]}, in[1], in[2], kEps, 0.2,
                                       kNormStream);
           },
       .composed =
           [=](auto in) {
             const Variable x = embedding(Tensor::from(ids, {4}, in[0].device()), in[0]);
             return dropout(layer_norm(x, in[1], in[2], kEps), 0.2, kNormStream);
           }});
}

}  // namespace

void add_norm_cases(std::vector<OpCase>& rows) {
  for (const Shape& shape : {Shape{4, 13}, Shape{1, 1031}}) {
    rows.push_back(
        {.op = "layer_norm",
         .what = fmt::format("{}", shape),
         .inputs = {{normal(shape, 44)}, {normal({shape[1]}, 45)}, {normal({shape[1]}, 46)}},
         .call = [](auto in) { return layer_norm(in[0], in[1], in[2], kEps); }});
  }
  rows.push_back({.op = "layer_norm",
                  .what = "rows of 3",
                  .inputs = {{normal({40, 3}, 44)}, {normal({3}, 45)}, {normal({3}, 46)}},
                  .call = [](auto in) { return layer_norm(in[0], in[1], in[2], kEps); },
                  .tolerance = 2e-6,
                  .reason = "two of three dimensions of dx are subtracted: what is left cancels"});
  rows.push_back(
      {.op = "layer_norm",
       .what = "only the bias is trained",
       .inputs = {{normal({4, 13}, 44), false}, {normal({13}, 45), false}, {normal({13}, 46)}},
       .call = [](auto in) { return layer_norm(in[0], in[1], in[2], kEps); }});
  add_residual_case(rows, {3, 17}, 0.2, true, true);
  add_residual_case(rows, {3, 17}, 0, true, true);
  add_residual_case(rows, {3, 17}, 0.2, true, false);
  add_residual_case(rows, {3, 17}, 0.2, false, true);
  add_residual_case(rows, {2, 1031}, 0.2, true, true);
  add_dropped_case(rows, {3, 16}, 0.2);
  add_dropped_case(rows, {3, 16}, 0);
  add_dropped_case(rows, {2, 1031}, 0.2);
  add_table_case(rows, 16);
  add_table_case(rows, 13);

  for (const Shape& shape : {Shape{4, 9}, Shape{2, 3, 21}}) {
    rows.push_back({.op = "softmax",
                    .what = fmt::format("{}", shape),
                    .inputs = {{normal(shape, 47)}},
                    .call = [](auto in) { return softmax(in[0]); }});
  }
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
