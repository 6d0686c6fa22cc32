#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {
namespace {

void add_embedding_case(std::vector<OpCase>& rows, int64_t padding_idx) {
  const std::vector<int64_t> ids = {3, 0, 3, 6, 1, 3, 0};
  rows.push_back(
      {.op = "embedding",
       .what = fmt::format("repeated ids, padding_idx {}", padding_idx),
       .inputs = {{normal({7, 5}, 50)}},
       .call =
           [=](auto in) {
             const Tensor index = Tensor::from(ids, {7}, in[0].device());
             return embedding(index, in[0], padding_idx);
           },
       .composed = [=](auto in) { return matmul(one_hot(ids, 7, in[0].device()), in[0]); }});
}

}  // namespace

void add_row_cases(std::vector<OpCase>& rows) {
  const auto twice = [](std::span<const Variable> in) {
    return mul(tanh(mul(in[0], in[1])), add(in[1], in[1]));
  };
  rows.push_back({.op = "checkpoint",
                  .what = "a function of two inputs, one of them used before",
                  .inputs = {{normal({4, 3}, 50)}, {normal({4, 3}, 49)}},
                  .call =
                      [=](auto in) {
                        const Variable y = checkpoint(twice, {in[0], in[1]}, {});
                        return add(checkpoint(twice, {y, in[1]}, {}), in[0]);
                      },
                  .composed =
                      [=](auto in) {
                        const std::vector<Variable> again = {twice(in), in[1]};
                        return add(twice(again), in[0]);
                      }});
  add_embedding_case(rows, -1);
  // The second look-up's gradient is added to the first's. 70 ids take a warp three looks.
  std::vector<int64_t> some, others;
  for (int64_t i = 0; i < 70; ++i) {
    some.push_back(i * i % 9);
    others.push_back((i + 3) % 4);
  }
  rows.push_back({.op = "embedding",
                  .what = "two look-ups in one table",
                  .inputs = {{normal({9, 3}, 51)}},
                  .call =
                      [=](auto in) {
                        const Device device = in[0].device();
                        return add(embedding(Tensor::from(some, {70}, device), in[0]),
                                   embedding(Tensor::from(others, {70}, device), in[0]));
                      },
                  .composed =
                      [=](auto in) {
                        const Device device = in[0].device();
                        return add(matmul(one_hot(some, 9, device), in[0]),
                                   matmul(one_hot(others, 9, device), in[0]));
                      }});
  const std::vector<int64_t> index = {4, 0, 2};
  rows.push_back(
      {.op = "select_rows",
       .what = "3 of 5",
       .inputs = {{normal({5, 6}, 52)}},
       .call =
           [=](auto in) { return select_rows(in[0], Tensor::from(index, {3}, in[0].device())); },
       .composed = [=](auto in) { return matmul(one_hot(index, 5, in[0].device()), in[0]); }});
  rows.push_back(
      {.op = "slice_rows",
       .what = "two slices that overlap",
       .inputs = {{normal({5, 6}, 53)}},
       .call = [](auto in) { return add(slice_rows(in[0], 1, 4), slice_rows(in[0], 2, 5)); },
       .composed =
           [](auto in) {
             const Device device = in[0].device();
             return add(matmul(one_hot({1, 2, 3}, 5, device), in[0]),
                        matmul(one_hot({2, 3, 4}, 5, device), in[0]));
           }});
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
