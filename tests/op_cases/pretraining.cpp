#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {
namespace {

AttentionLayout layout_of(const std::vector<int64_t>& offsets, int64_t idle, Device device) {
  AttentionLayout layout;
  layout.offsets = Tensor::from(offsets, {static_cast<int64_t>(offsets.size())}, device);
  layout.host_offsets = offsets;
  layout.idle_tokens = idle;
  return layout;
}

void add_first_token_case(std::vector<OpCase>& rows, int64_t idle) {
  const std::vector<int64_t> offsets = {0, 3, 4, 9};
  const int64_t tokens = offsets.back() + idle;
  std::vector<real> pairs(static_cast<size_t>(tokens * tokens));  // 1 for itself, 1 for the first
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    for (int64_t i = offsets[s]; i < offsets[s + 1]; ++i) {
      pairs[static_cast<size_t>(i * tokens + i)] += 1;
      pairs[static_cast<size_t>(i * tokens + offsets[s])] += 1;
    }
  }
  rows.push_back({.op = "add_first_token",
                  .what = fmt::format("3 sequences, {} idle tokens", idle),
                  .inputs = {{normal({tokens, 37}, 70)}},
                  .call =
                      [=](auto in) {
                        return add_first_token(in[0], layout_of(offsets, idle, in[0].device()));
                      },
                  .composed =
                      [=](auto in) {
                        return matmul(constant(pairs, {tokens, tokens}, in[0].device()), in[0]);
                      }});
}

}  // namespace

void add_pretraining_cases(std::vector<OpCase>& rows) {
  const std::vector<real> targets = {1, 0, 0, 1, 1, 0};
  rows.push_back({.op = "binary_cross_entropy",
                  .what = "a row of logits",
                  .inputs = {{normal({6}, 71)}},
                  .call = [=](auto in) {
                    return binary_cross_entropy(in[0], Tensor::from(targets, {6}, in[0].device()));
                  }});
  rows.push_back({.op = "binary_cross_entropy",
                  .what = "a column of logits",
                  .inputs = {{normal({6, 1}, 71)}},
                  .call =
                      [=](auto in) {
                        const Tensor t = Tensor::from(targets, {6}, in[0].device());
                        return binary_cross_entropy(in[0], t);
                      },
                  // softmax over (0, x) has the probabilities of sigmoid(x).
                  .composed =
                      [=](auto in) {
                        const Device device = in[0].device();
                        const std::vector<int64_t> labels(targets.begin(), targets.end());
                        const Variable pairs = matmul(in[0], constant({0, 1}, {1, 2}, device));
                        return cross_entropy(pairs, Tensor::from(labels, {6}, device));
                      }});
  add_first_token_case(rows, 0);
  add_first_token_case(rows, 2);
  // The loss of a language model: predicted rows alone, a tied table, a bias.
  const std::vector<int64_t> predicted = {5, 0, 3}, labels = {300, 2, 77};
  rows.push_back({.op = "cross_entropy",
                  .what = "a language model's, over 301 tokens at 3 of 7 positions",
                  .inputs = {{normal({7, 5}, 72)}, {normal({301, 5}, 73)}, {normal({301}, 74)}},
                  .call =
                      [=](auto in) {
                        const Device device = in[0].device();
                        const Variable x = select_rows(in[0], Tensor::from(predicted, {3}, device));
                        return cross_entropy(linear(x, in[1], in[2]),
                                             Tensor::from(labels, {3}, device));
                      },
                  .composed =
                      [=](auto in) {
                        const Device device = in[0].device();
                        const Variable x = select_rows(in[0], Tensor::from(predicted, {3}, device));
                        const Variable logits = linear(x, in[1], in[2]);
                        // Held by the graph of `copy` too: the gradient gets memory of its own.
                        const Variable copy = scale(logits, 1);
                        return add(cross_entropy(copy, Tensor::from(labels, {3}, device)),
                                   scale(sum(mul(copy, copy)), 0));
                      },
                  .tolerance = 5e-6,
                  .reason = "sums of 301 and products of 5 in another order"});
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
