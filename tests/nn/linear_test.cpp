#include "nn/linear.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace soragrad::nn {
namespace {

struct OneLinear : Module {
  Linear dense;
  explicit OneLinear(int64_t size) : dense(this, "dense", size, size) {}
};

}  // namespace

TEST_CASE("linear: two threads that use a frozen weight for the first time get the same result") {
  constexpr int64_t kSize = 2048;
  const Variable x(Tensor::full({4, kSize}, 1));
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    OneLinear model(kSize);
    model.dense.set_precision(precision);
    model.dense.bias.assign(Tensor::zeros({kSize}));
    for (int round = 1; round <= 20; ++round) {
      // Other values than those that the memory of the packed matrix had before.
      model.dense.weight.assign(Tensor::full({kSize, kSize}, static_cast<real>(round)));
      const std::vector<real> expected(4 * kSize, static_cast<real>(round * kSize));
      std::atomic<int> ready = 0;
      const auto at_once = [&](std::vector<real>& y) {
        ++ready;
        while (ready < 2) std::this_thread::yield();
        const NoGrad no_grad;
        y = model.dense.forward(x, {}).value().to_vector();
      };
      std::vector<real> one, two;
      std::thread other([&] { at_once(two); });
      at_once(one);
      other.join();
      CHECK(one == expected);
      CHECK(two == expected);
    }
  }
}

TEST_CASE("linear: values that are copied into a frozen weight are seen") {
  const Variable x(Tensor::full({2, 4}, 1));
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    OneLinear model(4);
    model.dense.set_precision(precision);
    model.dense.bias.assign(Tensor::zeros({4}));
    model.dense.weight.assign(Tensor::full({4, 4}, 1));
    CHECK(model.dense.forward(x, {}).value().to_vector() == std::vector<real>(8, 4));
    model.dense.weight.value().copy_from(Tensor::full({4, 4}, 2));
    CHECK(model.dense.forward(x, {}).value().to_vector() == std::vector<real>(8, 8));
    for (real& each : model.dense.weight.value().elements()) each = 3;
    CHECK(model.dense.forward(x, {}).value().to_vector() == std::vector<real>(8, 12));
  }
}

TEST_CASE("module: names of siblings differ, and who outlives the parent has none") {
  struct Parent : Module {};
  auto parent = std::make_unique<Parent>();
  auto child = std::make_unique<Module>(parent.get(), "a");
  Parameter weight(parent.get(), "b", {2});
  CHECK_THROWS_WITH_AS(Module(parent.get(), "a"),
                       "[module] \"\" has two children of the name \"a\".", Error);
  CHECK_THROWS_WITH_AS(Parameter(parent.get(), "b", {3}),
                       "[module] \"\" has two parameters of the name \"b\".", Error);
  parent.reset();
  CHECK(child->parent() == nullptr);
  CHECK(child->path() == "a");
  CHECK(weight.path() == "b");
}

TEST_CASE("linear: a module without a parent, and a parameter without an owner, are refused") {
  CHECK_THROWS_WITH_AS(Linear(nullptr, "a", 2, 2),
                       "[module] \"a\" has no parent; give it one, as in dense(this, \"dense\", 8, "
                       "8).",
                       Error);
  CHECK_THROWS_WITH_AS(Parameter(nullptr, "a", {2}),
                       "[module] the parameter \"a\" has no owner; give it a module.", Error);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
