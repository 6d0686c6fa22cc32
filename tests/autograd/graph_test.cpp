#include "autograd/graph.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "autograd/ops.h"
#include "core/allocator.h"

namespace soragrad {
namespace {

Variable leaf(const std::vector<real>& values, bool trainable = true) {
  return Variable(Tensor::from(values, {static_cast<int64_t>(values.size())}), trainable);
}

std::vector<real> gradient(const Variable& x) {
  return x.grad().to_vector();
}

// The op y = x whose closure does what it is told.
Variable told(const Variable& x, const Backward& closure) {
  return record("told", x.value().clone(), {x}, closure);
}

}  // namespace

TEST_CASE("graph: a closure's gradient must fit its input") {
  const Variable x = leaf({1, 2});
  const auto walk = [&](const Backward& closure) { backward(sum(told(x, closure))); };
  const auto give = [&](const Tensor& dx) {
    walk([dx](const Tensor&, Gradients& gradients) { gradients.add(0, dx); });
  };
  give(Tensor::full({2}, 3));
  CHECK(gradient(x) == std::vector<real>{3, 3});
  CHECK_THROWS_AS(give(Tensor::full({1}, 3)), Error);
  CHECK_THROWS_AS(give(Tensor::full({2, 1}, 3)), Error);
  CHECK_THROWS_AS(give(Tensor::zeros({2}, DType::i64)), Error);
  CHECK_THROWS_AS(give(Tensor()), Error);
  CHECK_THROWS_WITH_AS(walk([](const Tensor& dy, Gradients& gradients) { gradients.add(1, dy); }),
                       "[told] backward asks for input 1 of 1.", Error);
  CHECK_THROWS_AS(walk([](const Tensor&, Gradients& gradients) { gradients.wanted(7); }), Error);
  CHECK_THROWS_AS(record(nullptr, x.value(), {x}, {}), Error);
  CHECK_THROWS_AS(backward(sum(x), Tensor()), Error);
}

TEST_CASE("graph: NoGrads may end in any order") {
  const Variable x = leaf({1, 2});
  auto first = std::make_unique<NoGrad>(), second = std::make_unique<NoGrad>();
  first.reset();
  CHECK(!sum(x).requires_grad());
  second.reset();
  CHECK(sum(x).requires_grad());
}

TEST_CASE("graph: threads may build and walk graphs that share nothing") {
  const auto work = [](bool& right) {
    right = true;
    for (int i = 0; i < 2000; ++i) {
      const Variable x = leaf({2, 3});
      const Variable square = mul(x, x);
      backward(sum(add(mul(square, square), scale(x, 4))));  // 4 x^3 + 4
      right &= gradient(x) == std::vector<real>{36, 112};
    }
  };
  bool one = false, two = false;
  std::thread other([&] { work(one); });
  work(two);
  other.join();
  CHECK(one);
  CHECK(two);
}

TEST_CASE("graph: gradients of all uses of a variable are added") {
  const Variable x = leaf({2, 3});
  backward(sum(add(mul(x, x), scale(x, 4))));
  CHECK(gradient(x) == std::vector<real>{8, 10});
  backward(sum(x));  // a second loss adds to the first
  CHECK(gradient(x) == std::vector<real>{9, 11});
}

TEST_CASE("graph: inputs that were handed one gradient tensor do not disturb each other") {
  const Variable a = leaf({1, 2}), b = leaf({3, 4});
  backward(sum(add(a, b)));  // both leaves may now hold the same storage
  backward(sum(scale(a, 10)));
  CHECK(gradient(a) == std::vector<real>{11, 11});
  CHECK(gradient(b) == std::vector<real>{1, 1});
}

TEST_CASE("graph: a gradient that an op has taken passes its input by") {
  const Variable x = leaf({1, 1});
  const Variable y = scale(x, 2);
  const auto past = [](const Tensor& dy, Gradients& gradients) {
    const Tensor arrived = gradients.take(0);  // 3, of `other`, which is recorded later
    CHECK_FALSE(gradients.take(0).defined());
    add_inplace(arrived, dy);
    gradients.add(1, arrived);
  };
  const Variable z = record("scale", y.value(), {y, x}, past);
  const Variable other = scale(y, 3);
  backward(sum(add(z, other)));
  CHECK(gradient(x) == std::vector<real>{4, 4});
}

TEST_CASE("graph: a gradient that was read out keeps its values") {
  const Variable x = leaf({1, 2});
  backward(sum(x));
  const Tensor kept = x.grad();
  backward(sum(x));
  CHECK(kept.to_vector() == std::vector<real>{1, 1});
  CHECK(gradient(x) == std::vector<real>{2, 2});
}

TEST_CASE("graph: a given place receives the gradient and zero_grad clears it") {
  const Tensor flat = Tensor::zeros({5});
  Variable x = leaf({1, 2});
  x.set_grad(flat.slice(3, 5));
  backward(sum(scale(x, 3)));
  CHECK(flat.to_vector() == std::vector<real>{0, 0, 0, 3, 3});
  x.zero_grad();
  CHECK(flat.to_vector() == std::vector<real>(5, 0));
}

TEST_CASE("graph: the table's gradient is added in place where a place was given") {
  const Tensor place = Tensor::full({3, 2}, 1);
  Variable table(Tensor::zeros({3, 2}), true);
  table.set_grad(place);
  backward(sum(embedding(Tensor::from<int64_t>({2, 0, 2}, {3}), table)));
  CHECK(place.to_vector() == std::vector<real>{2, 2, 1, 1, 3, 3});
}

TEST_CASE("graph: a graph is walked once") {
  const Variable w = leaf({2});
  const Variable h = mul(w, w), one = sum(scale(h, 1)), ten = sum(scale(h, 10));
  backward(one);
  CHECK_THROWS_WITH_AS(backward(one),
                       "[sum] backward() has passed its result already; add the losses, then call "
                       "backward() once.",
                       Error);
  CHECK_THROWS_WITH_AS(backward(ten), doctest::Contains("[mul] backward() has passed"), Error);
  CHECK(gradient(w) == std::vector<real>{4});
  const Variable again = mul(w, w);
  backward(add(sum(scale(again, 1)), sum(scale(again, 10))));
  CHECK(gradient(w) == std::vector<real>{48});
}

TEST_CASE("graph: an exception in backward leaves no gradient at ops") {
  const Variable w = leaf({2});
  const Variable h = mul(w, w);
  const Variable failing =
      record("wrong", h.value().clone(), {h}, [](const Tensor& dy, Gradients& gradients) {
        gradients.add(0, dy.clone());
        fail("the closure fails");
      });
  CHECK_THROWS_WITH_AS(backward(sum(add(failing, scale(h, 1)))), "the closure fails", Error);
  CHECK_THROWS_WITH_AS(backward(sum(add(scale(h, 1), failing))), doctest::Contains("[wrong]"),
                       Error);
  backward(sum(scale(h, 1)));
  CHECK(gradient(w) == std::vector<real>{4});
}

TEST_CASE("graph: a loss that is a leaf adds to its gradient, in the given place") {
  Variable loss(Tensor::from({2}, {}), true);
  const Tensor place = Tensor::zeros({});
  loss.set_grad(place);
  backward(loss);
  backward(loss, real(0.5));
  CHECK(place.item() == real(1.5));
}

TEST_CASE("graph: who writes a leaf's gradient changes no other") {
  const Variable a = leaf({1, 2}), b = leaf({3, 4});
  backward(sum(add(a, b)));
  a.grad().elements()[0] = 100;
  CHECK(gradient(b) == std::vector<real>{1, 1});
}

TEST_CASE("graph: a long chain is dropped without a deep stack") {
  const Variable w = leaf({1});
  Variable y = w;
  for (int i = 0; i < 300'000; ++i) y = scale(y, 1);
  y = Variable();
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("graph: backward scales by its factor") {
  const Variable x = leaf({1});
  backward(sum(x), real(0.25));
  CHECK(gradient(x) == std::vector<real>{0.25});
}

TEST_CASE("graph: nothing below the lowest trainable leaf is recorded") {
  const Variable frozen = leaf({1, 2}, false), x = leaf({3, 4});
  CHECK_FALSE(mul(frozen, frozen).requires_grad());
  CHECK(mul(frozen, x).requires_grad());
  {
    const NoGrad no_grad;
    CHECK_FALSE(mul(frozen, x).requires_grad());
  }
  CHECK(mul(frozen, x).requires_grad());
}

TEST_CASE("graph: activations that no gradient reads are freed in the forward pass") {
  const Variable x(Tensor::zeros({100'000}), true);
  const int64_t before = allocator_stats(Device::cpu).live_bytes;
  Variable y = scale(x, 1);
  const int64_t one = allocator_stats(Device::cpu).live_bytes - before;
  for (int i = 0; i < 10; ++i) y = scale(y, 1);
  CHECK(allocator_stats(Device::cpu).live_bytes - before == one);
}

TEST_CASE("graph: what makes no sense is refused") {
  const Variable x = leaf({1, 2});
  CHECK_THROWS_WITH_AS(backward(x), "[backward] a scalar is wanted, not (2).", Error);
  CHECK_THROWS_AS(backward(sum(leaf({1}, false))), Error);
  Variable result = scale(x, 2);
  CHECK_THROWS_AS(result.set_requires_grad(false), Error);
  CHECK_THROWS_AS(result.set_value(Tensor::zeros({2})), Error);
  backward(sum(result));
  CHECK_THROWS_AS(result.set_requires_grad(false), Error);
  CHECK_THROWS_AS(result.set_grad(Tensor::zeros({2})), Error);
  Variable other = leaf({1, 2});
  CHECK_THROWS_AS(other.set_grad(Tensor::zeros({3})), Error);
}

TEST_CASE("graph: ops name themselves and both shapes where arguments do not fit") {
  const Variable a(Tensor::zeros({2, 3})), b(Tensor::zeros({3, 2})), row(Tensor::zeros({2}));
  const Tensor ids = Tensor::from<int64_t>({0, 7}, {2});
  CHECK_THROWS_WITH_AS(add(a, b), "[add] a (2, 3) and b (3, 2) differ; equal shapes are needed.",
                       Error);
  CHECK_THROWS_AS(mul(a, b), Error);
  CHECK_THROWS_AS(dropout(a, 1, {}), Error);
  CHECK_THROWS_AS(dropout(a, -0.1, {}), Error);
  CHECK_THROWS_AS(layer_norm(a, row, row, 1e-5), Error);
  CHECK_THROWS_AS(residual_layer_norm(a, b, row, row, 1e-5, 0, {}), Error);
  CHECK_THROWS_WITH_AS(embedding(ids, a), "[embedding] index 7 is outside of the table's 2 rows.",
                       Error);
  CHECK_THROWS_AS(select_rows(a, ids), Error);
  CHECK_THROWS_AS(slice_rows(a, 1, 3), Error);
  CHECK_THROWS_WITH_AS(cross_entropy(a, ids),
                       "[cross_entropy] label 7 of row 1 is none of the 3 classes.", Error);
  CHECK_THROWS_AS(cross_entropy(a, Tensor::from<int64_t>({0}, {1})), Error);
  CHECK_THROWS_AS(mse(a, Tensor::zeros({6})), Error);
  CHECK_THROWS_AS(mean_abs({}, 1), Error);
  CHECK_THROWS_AS(orthogonality({}, {}, 1), Error);
  CHECK_THROWS_AS(linear(a, b, row), Error);
  CHECK_THROWS_AS(matmul(a, a), Error);
}

TEST_CASE("graph: ops refuse what has no value and what is on another device") {
  CHECK_THROWS_WITH_AS(relu(Variable()), "[relu] x is undefined.", Error);
  CHECK_THROWS_WITH_AS(add(Variable(), Variable()), "[add] a is undefined.", Error);
  CHECK_THROWS_WITH_AS(sum(Variable()), "[sum] x is undefined.", Error);
  CHECK_THROWS_AS(cross_entropy(Variable(), Tensor()), Error);
  CHECK_THROWS_AS(linear(Variable(), Variable(), Variable()), Error);
  // Nothing reads the elements, so it need not be a GPU's memory.
  const Tensor x = Tensor::zeros({2, 2});
  const auto memory = std::make_shared<Storage>(Device::cuda, x.raw(), x.bytes(), x.storage());
  const Variable host(x), other(Tensor(memory, 0, {2, 2}, kReal));
  CHECK_THROWS_WITH_AS(add(host, other),
                       "[add] a is on cpu, b on cuda; copy one of them with to().", Error);
  CHECK_THROWS_AS(linear(host, other, Variable()), Error);
  CHECK_THROWS_AS(matmul(other, host), Error);
  CHECK_THROWS_AS(embedding(Tensor::from<int64_t>({0}, {1}), other), Error);
  CHECK_THROWS_AS(cross_entropy(other, Tensor::from<int64_t>({0, 1}, {2})), Error);
}

TEST_CASE("graph: linear refuses another matrix's pack, and a bias's gradient has its shape") {
  const Variable x(Tensor::full({1, 2}, 1)), weight(Tensor::full({3, 2}, 5));
  const auto pack_of = [](const Tensor& matrix) { return std::make_shared<PackedMatrix>(matrix); };
  CHECK_THROWS_WITH_AS(linear(x, weight, {}, pack_of(Tensor::full({3, 2}, 1))),
                       "[linear] the packed matrix (3, 2) was made of another tensor than weight "
                       "(3, 2).",
                       Error);
  CHECK(linear(x, weight, {}, pack_of(weight.value())).value().to_vector() ==
        std::vector<real>{10, 10, 10});
  const Variable bias(Tensor::zeros({1, 3}), true);
  backward(sum(linear(x, weight, bias)));
  CHECK(bias.grad().shape() == bias.shape());
}

TEST_CASE("graph: a product over no elements is zero, or the bias") {
  const Variable a(Tensor::empty({2, 0})), b(Tensor::empty({0, 3})), w(Tensor::empty({3, 0}));
  CHECK(matmul(a, b).value().to_vector() == std::vector<real>(6, 0));
  CHECK(linear(a, w, Variable(Tensor::from({1, 2, 3}, {3}))).value().to_vector() ==
        std::vector<real>{1, 2, 3, 1, 2, 3});
}

TEST_CASE("graph: relu hands NaN on, and a logit of -inf is a class that is ruled out") {
  const real inf = std::numeric_limits<real>::infinity();
  const std::vector<real> y = relu(leaf({std::nanf(""), -1, 2})).value().to_vector();
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 0);
  CHECK(y[2] == 2);
  const Variable logits(Tensor::from({-inf, 1, 0}, {1, 3}));
  const Tensor label = Tensor::from<int64_t>({1}, {1});
  CHECK(weighted_cross_entropy(logits, label, Tensor::full({1}, 1), 0).value().item() ==
        doctest::Approx(cross_entropy(logits, label).value().item()));
}

TEST_CASE("graph: indices of pre-training are checked") {
  const auto row = [](const std::vector<int64_t>& values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())});
  };
  CHECK_THROWS_WITH_AS(replace_tokens(row({1, 2, 3}), row({3}), row({5}), row({6})),
                       "[replace_tokens] position 3 is outside of the 3 tokens.", Error);
  CHECK_THROWS_WITH_AS(label_hits(Tensor::zeros({1, 2}), row({50})),
                       "[label_hits] label 50 of row 0 is none of the 2 classes.", Error);
}

TEST_CASE("graph: attention refuses layouts and options that do not fit") {
  const Variable x(Tensor::full({4, 4}, 1)), table(Tensor::full({3, 4}, 1));
  const auto message = [&](AttentionLayout layout, const AttentionOptions& options = {},
                           const Variable& positions = {}) {
    const auto count = static_cast<int64_t>(layout.host_offsets.size());
    if (!layout.offsets.defined()) layout.offsets = Tensor::from(layout.host_offsets, {count});
    try {
      attention(x, x, x, positions, positions, layout, options);
      return std::string("accepted");
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  const AttentionLayout fits{.host_offsets = {0, 2, 4}, .max_length = 2};
  CHECK(message(fits) == "accepted");
  CHECK(message(fits, {.heads = 0}) == "[attention] hidden size 4 does not divide into 0 heads.");
  for (const double p : {1.0, 2.0, -0.5}) {
    CHECK(message(fits, {.dropout = p}).find("it must be in [0, 1)") != std::string::npos);
  }
  CHECK(message({.host_offsets = {}, .max_length = 2}) ==
        "[attention] host_offsets has 0 numbers; it begins with 0, and has one more for each "
        "sequence.");
  CHECK(message({.host_offsets = {0, 2, 2, 4}, .max_length = 2}) ==
        "[attention] sequence 1 is from 2 to 2 in host_offsets; it needs a token.");
  CHECK(message({.host_offsets = {0, 3, 1, 4}, .max_length = 3}) ==
        "[attention] sequence 1 is from 3 to 1 in host_offsets; it needs a token.");
  CHECK(message({.host_offsets = {0, 4}, .max_length = 3}) ==
        "[attention] a sequence of 4 tokens, but max_length is 3.");
  AttentionLayout layout = fits;
  layout.offsets = Tensor::from<int64_t>({0, 1 << 20, 4}, {3});
  CHECK(message(layout) ==
        "[attention] offsets differ from host_offsets; make them of the same numbers.");
  layout = fits;
  layout.distance_row = Tensor::from<int32_t>({0, 1, 3}, {3});
  CHECK(message(layout, {}, table) ==
        "[attention] row 3 in distance_row is outside of the position tables' 3 rows.");
}

TEST_CASE("graph: a checkpoint gives the bits of the function and keeps its inputs alone") {
  const auto run = [](bool checkpointed) {
    const Variable x = leaf({0.3, -1.2, 2}), w = leaf({0.7, 0.1, -0.4}), shared = leaf({1, 2, 3});
    const auto layer = [&w](std::span<const Variable> in) {
      return add(mul(tanh(mul(in[0], w)), in[1]), mul(in[1], w));
    };
    const Variable* const parameters[] = {&w};
    Variable y = x;
    for (int i = 0; i < 3; ++i) {
      const std::vector<Variable> inputs = {y, shared};
      y = checkpointed ? checkpoint(layer, inputs, parameters) : layer(inputs);
    }
    backward(sum(y));
    std::vector<real> numbers = y.value().to_vector();
    for (const Variable& each : {x, w, shared}) {
      const std::vector<real> grad = gradient(each);
      numbers.insert(numbers.end(), grad.begin(), grad.end());
    }
    return numbers;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("graph: a checkpoint whose input is frozen still trains its parameters") {
  const Variable x = leaf({1, 2}, false), w = leaf({3, 4});
  const Variable* const parameters[] = {&w};
  const Variable y =
      checkpoint([&w](std::span<const Variable> in) { return mul(in[0], w); }, {x}, parameters);
  backward(sum(y));
  CHECK(gradient(w) == std::vector<real>{1, 2});
  const NoGrad no_grad;
  CHECK_FALSE(
      checkpoint([](std::span<const Variable> in) { return in[0]; }, {x}, {}).requires_grad());
}

TEST_CASE("graph: a checkpoint whose function fails in backward leaves a NoGrad as it was") {
  const Variable x = leaf({1, 2});
  int calls = 0;
  const auto fails_again = [&calls](std::span<const Variable> in) {
    require(++calls == 1, "the second call fails");
    return tanh(in[0]);
  };
  const Variable y = sum(checkpoint(fails_again, {x}, {}));
  const NoGrad no_grad;
  CHECK_THROWS_WITH_AS(backward(y), "the second call fails", Error);
  CHECK_FALSE(tanh(x).requires_grad());
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
