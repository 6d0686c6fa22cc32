#include "autograd/operators.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "autograd/ops.h"

namespace soragrad {
namespace {

Variable leaf(std::initializer_list<real> values) {
  return Variable(Tensor::from(values, {static_cast<int64_t>(values.size())}), true);
}

}  // namespace

TEST_CASE("operators: formulas of Variables and numbers, with their gradients") {
  const Variable a = leaf({1, 2}), b = leaf({3, 5});
  const Variable y = 2 * a * b - (a - 1) + (3 - b) * 4 - (-b) + 0.5f;
  CHECK(y.value().to_vector() == std::vector<real>{9.5f, 16.5f});
  backward(sum(y));
  CHECK(a.grad().to_vector() == std::vector<real>{5, 9});   // 2 b - 1
  CHECK(b.grad().to_vector() == std::vector<real>{-1, 1});  // 2 a - 4 + 1
}

TEST_CASE("operators: a difference is exact") {
  CHECK((leaf({0.1f, 7}) - leaf({0.3f, 7})).value().to_vector() ==
        std::vector<real>{real(0.1f) - real(0.3f), 0});
}

TEST_CASE("operators: other shapes are refused with both") {
  CHECK_THROWS_WITH_AS(leaf({1, 2}) + leaf({1}), doctest::Contains("(2) and b (1)"), Error);
  CHECK_THROWS_WITH_AS(leaf({1, 2}) - leaf({1}), doctest::Contains("[-] a (2) and b (1)"), Error);
  CHECK_THROWS_WITH_AS(leaf({1, 2}) * leaf({1}), doctest::Contains("(2) and b (1)"), Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(leaf({1, 2}) < leaf({1})),
                       doctest::Contains("[<] a (2) of F32 and b (1) of F32"), Error);
}

TEST_CASE("comparisons: element by element, to truth values") {
  const Tensor a = Tensor::from({1, 2, 3}, {3}), b = Tensor::from({3, 2, 1}, {3});
  CHECK((a == b).to_vector<bool>() == std::vector<bool>{false, true, false});
  CHECK((a != b).to_vector<bool>() == std::vector<bool>{true, false, true});
  CHECK((a < b).to_vector<bool>() == std::vector<bool>{true, false, false});
  CHECK((a <= b).to_vector<bool>() == std::vector<bool>{true, true, false});
  CHECK((a > b).to_vector<bool>() == std::vector<bool>{false, false, true});
  CHECK((a >= b).to_vector<bool>() == std::vector<bool>{false, true, true});
  CHECK(count(Variable(a) >= Variable(b)) == 2);
}

TEST_CASE("comparisons: of integers and half formats; element types must agree") {
  const Tensor ids = Tensor::from(std::vector<int64_t>{5, -1}, {2});
  CHECK(count(ids == ids.clone()) == 2);
  CHECK_THROWS_AS(static_cast<void>(ids == Tensor::zeros({2})), Error);
  const std::vector<bfloat16> halves = {to_bfloat16(-2), to_bfloat16(1)};
  const std::vector<bfloat16> others = {to_bfloat16(-1), to_bfloat16(1)};
  CHECK((Tensor::from(halves, {2}) < Tensor::from(others, {2})).to_vector<bool>() ==
        std::vector<bool>{true, false});
}

TEST_CASE("comparisons: a NaN is equal to nothing") {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Tensor x = Tensor::from({nan}, {1});
  CHECK(count(x == x) == 0);
  CHECK(count(x != x) == 1);
}

TEST_CASE("argmax: the first of the largest of each row") {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Tensor x = Tensor::from({1, 5, 5, nan, 2, -1, 0, 0, 0}, {3, 3});
  CHECK(argmax(x).to_vector<int64_t>() == std::vector<int64_t>{1, 1, 0});
  CHECK_THROWS_AS(argmax(Tensor::zeros({2, 0})), Error);
}

TEST_CASE("a printed Variable tells whether it has a gradient") {
  CHECK(to_string(leaf({1})) == "tensor([1], shape=(1), F32, cpu, requires_grad)");
  CHECK(to_string(Variable(Tensor::zeros({}))) == "tensor(0, shape=(), F32, cpu)");
  CHECK(to_string(Variable()) == "tensor(undefined)");
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
