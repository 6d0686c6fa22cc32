// The two Linears around a GELU as one kernel, against the ops that it stands for: the same bits.
#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "core/kernels/feed_forward/feed_forward_bf16.h"
#include "core/packed_matrix.h"
#include "core/parallel.h"
#include "tests/core/kernels/linear/gemm_reference.h"

namespace soragrad {
namespace {

struct Sizes {
  int64_t rows, in, wide, out;
};
constexpr Sizes kSizes[] = {{1, 1, 1, 1},       {5, 7, 11, 6},     {128, 64, 256, 64},
                            {129, 33, 130, 31}, {300, 40, 100, 8}, {1000, 24, 96, 24}};

enum Leaf : size_t { x, w1, b1, w2, b2, leaves };
enum class Way { one_op, many_ops, one_op_without_value };

struct Result {
  std::vector<std::vector<real>> tensors;  // y, then the gradients of the leaves, empty if unwanted
};

// `trained`: the leaves that want a gradient. Two losses, so that the second adds to gradients.
Result outcome(const Sizes& s, Way way, const std::vector<Leaf>& trained, bool biased = true) {
  std::vector<Variable> leaf(leaves);
  const Shape shapes[] = {{s.rows, s.in}, {s.wide, s.in}, {s.wide}, {s.out, s.wide}, {s.out}};
  for (size_t i = 0; i < leaves; ++i) {
    if (biased || (i != b1 && i != b2)) leaf[i] = Variable(test::uniform(shapes[i], 10 + i));
  }
  for (const Leaf each : trained) leaf[each].set_requires_grad(true);
  const auto first = std::make_shared<PackedMatrix>(leaf[w1].value(), Precision::bf16);
  const auto second = std::make_shared<PackedMatrix>(leaf[w2].value(), Precision::bf16);
  Result result;
  for (int pass = 0; pass < 2; ++pass) {
    const Variable y =
        way == Way::many_ops
            ? linear(linear_gelu(leaf[x], leaf[w1], leaf[b1], first), leaf[w2], leaf[b2], second)
            : feed_forward(leaf[x], {leaf[w1], leaf[b1], first}, {leaf[w2], leaf[b2], second},
                           way == Way::one_op);
    if (pass == 0) result.tensors.push_back(y.value().to_vector());
    if (trained.empty()) continue;
    const Variable weights(test::uniform(y.shape(), 20 + static_cast<uint64_t>(pass)));
    backward(sum(mul(y, weights)));
  }
  for (const Variable& each : leaf) {
    const bool has = each.defined() && each.grad().defined();
    result.tensors.push_back(has ? each.grad().to_vector() : std::vector<real>{});
  }
  return result;
}

const std::vector<Leaf> kAll = {x, w1, b1, w2, b2};

}  // namespace

TEST_CASE("feed_forward: the same bits as its ops, for any gradients that are wanted") {
  const std::vector<Leaf> kTrained[] = {kAll, {},   {x},     {w1},     {b1},
                                        {w2}, {b2}, {x, b1}, {w1, b2}, {x, w2}};
  for (const Sizes& sizes : kSizes) {
    CAPTURE(sizes.rows);
    for (const auto& trained : kTrained) {
      CAPTURE(trained.size());
      const Result one = outcome(sizes, Way::one_op, trained);
      const Result many = outcome(sizes, Way::many_ops, trained);
      for (size_t i = 0; i < one.tensors.size(); ++i) {
        CAPTURE(i);
        CHECK(one.tensors[i] == many.tensors[i]);
      }
    }
  }
}

TEST_CASE("feed_forward: Linears without a bias") {
  const Sizes sizes = {150, 7, 11, 6};
  const Result one = outcome(sizes, Way::one_op, {x, w1, w2}, false);
  CHECK(one.tensors == outcome(sizes, Way::many_ops, {x, w1, w2}, false).tensors);
}

TEST_CASE("feed_forward: without its value the gradients are the same") {
  Result without = outcome(kSizes[4], Way::one_op_without_value, kAll);
  Result with = outcome(kSizes[4], Way::one_op, kAll);
  CHECK(without.tensors[0] == std::vector<real>(with.tensors[0].size(), 0));
  with.tensors.erase(with.tensors.begin());
  without.tensors.erase(without.tensors.begin());
  CHECK(without.tensors == with.tensors);
}

TEST_CASE("feed_forward: the number of threads changes no bit") {
  const int before = num_threads();
  std::vector<Result> results;
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    results.push_back(outcome(kSizes[5], Way::one_op, kAll));
  }
  set_num_threads(before);
  CHECK(results[0].tensors == results[1].tensors);
  CHECK(results[0].tensors == results[2].tensors);
}

TEST_CASE("feed_forward: sizes that do not fit are refused") {
  const auto variable = [](const Shape& shape) { return Variable(Tensor::zeros(shape)); };
  const Variable in = variable({3, 4}), up = variable({8, 4}), down = variable({5, 7}), none;
  const auto packed = [](const Variable& weight) {
    return std::make_shared<PackedMatrix>(weight.value(), Precision::bf16);
  };
  CHECK_THROWS_AS(feed_forward(in, {up, none, packed(up)}, {down, none, packed(down)}), Error);
  CHECK_THROWS_AS(feed_forward(in, {down, none, packed(down)}, {up, none, packed(up)}), Error);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
