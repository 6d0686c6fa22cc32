#include "autograd/ops.h"
#include "tests/op_cases.h"

namespace soragrad::test {
namespace {

constexpr RandomStream kStream{.seed = 0x123456789abcdefull, .site = 7, .step = 3};

// x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
Variable composed_gelu_new(std::span<const Variable> in) {
  const Variable& x = in[0];
  const Variable cube = mul(mul(x, x), x);
  const Variable u = scale(add(x, scale(cube, real(0.044715))), real(0.7978845608028654));
  return scale(add(x, mul(x, tanh(u))), real(0.5));
}

}  // namespace

void add_elementwise_cases(std::vector<OpCase>& rows) {
  // Sizes that are no multiple of any vector width; one that is larger than a task.
  const auto unary = [&](const char* op, Variable (*function)(const Variable&)) {
    rows.push_back({.op = op,
                    .what = "67 elements",
                    .inputs = {{normal_off_zero({67}, 1, real(0.01))}},
                    .call = [=](std::span<const Variable> in) { return function(in[0]); }});
  };
#define SORAGRAD_UNARY(name, Functor) unary(#name, name);
#include "core/kernels/elementwise/unary.def"
#undef SORAGRAD_UNARY
  rows.push_back({.op = "gelu_new",
                  .what = "against tanh",
                  .inputs = {{normal({67}, 1)}},
                  .call = [](auto in) { return gelu_new(in[0]); },
                  .composed = composed_gelu_new,
                  .tolerance = 4e-6,
                  .reason = "the composed one rounds tanh, which the op does not need"});

  rows.push_back({.op = "add",
                  .what = "two matrices",
                  .inputs = {{normal({3, 7}, 2)}, {normal({3, 7}, 3)}},
                  .call = [](auto in) { return add(in[0], in[1]); }});
  rows.push_back({.op = "add",
                  .what = "a matrix and itself",
                  .inputs = {{normal({3, 7}, 2)}},
                  .call = [](auto in) { return add(in[0], in[0]); },
                  .composed = [](auto in) { return scale(in[0], 2); }});
  rows.push_back({.op = "mul",
                  .what = "two matrices",
                  .inputs = {{normal({3, 7}, 4)}, {normal({3, 7}, 5)}},
                  .call = [](auto in) { return mul(in[0], in[1]); }});
  rows.push_back({.op = "mul",
                  .what = "a frozen factor",
                  .inputs = {{normal({3, 7}, 4)}, {normal({3, 7}, 5), false}},
                  .call = [](auto in) { return mul(in[0], in[1]); }});
  rows.push_back(
      {.op = "scale", .what = "by -1.5", .inputs = {{normal({5, 5}, 6)}}, .call = [](auto in) {
         return scale(in[0], real(-1.5));
       }});
  for (const int64_t columns : {33, 2051}) {
    rows.push_back({.op = "dropout",
                    .what = fmt::format("p = 0.3, (3, {})", columns),
                    .inputs = {{normal({3, columns}, 7)}},
                    .call = [](auto in) { return dropout(in[0], 0.3, kStream); },
                    .composed =
                        [](auto in) {
                          const Tensor mask = dropout_mask(in[0].shape(), 0.3, kStream);
                          return mul(in[0], Variable(mask.to(in[0].device())));
                        },
                    .tolerance = 0,
                    .reason = "the same product of the same two numbers"});
  }
  rows.push_back({.op = "dropout",
                  .what = "p = 0 is the identity",
                  .inputs = {{normal({3, 5}, 7)}},
                  .call = [](auto in) { return scale(dropout(in[0], 0, kStream), 1); }});
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
