// The fused update against the published formulas, one element after another in double.
#include "core/kernels/optim/adamw.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "core/kernels/optim/grad_norm.h"
#include "core/parallel.h"

namespace soragrad::kernels {
namespace {

struct State {
  std::vector<real> value, grad, m, v;

  explicit State(size_t n) : value(n), grad(n), m(n), v(n) {
    for (size_t i = 0; i < n; ++i) {
      value[i] = static_cast<real>(std::sin(0.7 * static_cast<double>(i)));
      grad[i] = static_cast<real>(std::cos(1.3 * static_cast<double>(i)) * 0.1);
      m[i] = static_cast<real>(std::sin(2.1 * static_cast<double>(i)) * 0.01);
      v[i] = static_cast<real>(0.001 + 0.0005 * std::sin(0.9 * static_cast<double>(i)));
    }
  }
};

void run(State& state, const std::vector<AdamWSegment>& segments, real grad_scale) {
  adamw(Device::cpu, {state.value.data(), state.grad.data(), state.m.data(), state.v.data(),
                      segments.data(), static_cast<int64_t>(segments.size()), &grad_scale});
}

double reference(const AdamWSegment& s, double p, double grad, double m, double v, double scale) {
  const double g = scale * grad;
  m = s.beta1 * m + (1 - s.beta1) * g;
  v = s.beta2 * v + (1 - s.beta2) * g * g;
  switch (s.rule) {
    case UpdateRule::torch:
      p -= s.lr * s.weight_decay * p;
      p -= s.lr / s.correction1 * m / (std::sqrt(v / s.correction2) + s.eps);
      break;
    case UpdateRule::hf:
      p -= s.lr * std::sqrt(s.correction2) / s.correction1 * m / (std::sqrt(v) + s.eps);
      p -= s.lr * s.weight_decay * p;
      break;
    case UpdateRule::sgd:
      p -= s.lr * (g + s.weight_decay * p);
      break;
  }
  const double t = s.threshold;
  if (t > 0 && s.proximal == Proximal::exact) {
    p = std::copysign(std::max(std::abs(p) - t, 0.0), p);
  } else if (t > 0 && s.proximal == Proximal::released) {
    if (p > t) p -= t;
    if (p < -t) p += t;
    if (std::abs(p) < t) p = 0;
  }
  return p;
}

AdamWSegment segment(int64_t begin, int64_t end, UpdateRule rule, Proximal proximal) {
  return {.begin = begin,
          .end = end,
          .lr = 0.01,
          .weight_decay = 0.1,
          .beta1 = 0.9,
          .beta2 = 0.98,
          .eps = 1e-6,
          .correction1 = 1 - std::pow(0.9, 3),
          .correction2 = 1 - std::pow(0.98, 3),
          .rule = rule,
          .proximal = proximal,
          .threshold = proximal == Proximal::none ? 0 : 0.05};
}

}  // namespace

TEST_CASE("adamw: each rule and proximal step follows its formula") {
  std::vector<AdamWSegment> segments;
  int64_t begin = 3;  // elements before the first segment are no one's
  for (const UpdateRule rule : {UpdateRule::torch, UpdateRule::hf, UpdateRule::sgd}) {
    for (const Proximal proximal : {Proximal::none, Proximal::exact, Proximal::released}) {
      segments.push_back(segment(begin, begin + 37, rule, proximal));
      begin += 40;  // and those between segments
    }
  }
  State state(static_cast<size_t>(begin));
  const State before = state;
  run(state, segments, real(0.5));
  size_t updated = 0;
  for (const AdamWSegment& s : segments) {
    for (auto i = static_cast<size_t>(s.begin); i < static_cast<size_t>(s.end); ++i, ++updated) {
      const double expected =
          reference(s, before.value[i], before.grad[i], before.m[i], before.v[i], 0.5);
      CHECK(std::abs(state.value[i] - expected) < 1e-6);
      const double g = 0.5 * before.grad[i];
      const bool moves = s.rule != UpdateRule::sgd;
      CHECK(std::abs(state.m[i] - (moves ? 0.9 * before.m[i] + 0.1 * g : before.m[i])) < 1e-8);
      CHECK(std::abs(state.v[i] - (moves ? 0.98 * before.v[i] + 0.02 * g * g : before.v[i])) <
            1e-9);
    }
  }
  CHECK(updated == 9 * 37);
  for (const size_t gap : {0, 2, 40, 41, 42}) CHECK(state.value[gap] == before.value[gap]);
}

TEST_CASE("adamw: no scale means the gradient as it is") {
  State a(50), b(50);
  const std::vector<AdamWSegment> segments = {segment(0, 50, UpdateRule::torch, Proximal::none)};
  run(a, segments, 1);
  adamw(Device::cpu,
        {b.value.data(), b.grad.data(), b.m.data(), b.v.data(), segments.data(), 1, nullptr});
  CHECK(a.value == b.value);
}

TEST_CASE("adamw: cuts and threads change no bit") {
  constexpr int64_t kSize = 200'003;
  const auto settings = [](int64_t begin, int64_t end) {
    return segment(begin, end, UpdateRule::hf, Proximal::exact);
  };
  const std::vector<AdamWSegment> whole = {settings(0, kSize)};
  std::vector<AdamWSegment> pieces;  // many small ones, then large ones
  for (int64_t i = 0; i < 100; ++i) pieces.push_back(settings(7 * i, 7 * i + 7));
  pieces.push_back(settings(700, 700));
  pieces.push_back(settings(700, 90'000));
  pieces.push_back(settings(90'000, kSize));
  const int before = num_threads();
  State one(kSize), two(kSize), cut(kSize);
  set_num_threads(1);
  run(one, whole, real(0.9));
  set_num_threads(2);
  run(two, whole, real(0.9));
  run(cut, pieces, real(0.9));
  set_num_threads(before);
  CHECK(one.value == two.value);
  CHECK(one.value == cut.value);
  CHECK(one.m == cut.m);
  CHECK(one.v == cut.v);
}

TEST_CASE("adamw: the exact proximal step leaves exact zeros") {
  State state(100);
  std::fill(state.value.begin(), state.value.end(), real(0.01));
  run(state, {segment(0, 100, UpdateRule::torch, Proximal::exact)}, 1);
  CHECK(std::count(state.value.begin(), state.value.end(), real(0)) == 100);
}

TEST_CASE("grad_norm: is exact to double and independent of threads") {
  std::vector<real> x(300'000);
  long double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<real>(std::sin(0.1 * static_cast<double>(i)));
    squares += static_cast<long double>(x[i]) * x[i];
  }
  const auto expected = static_cast<double>(std::sqrt(squares));
  const int before = num_threads();
  double one = 0, two = 0, none = 1;
  real scale_one = 0, scale_two = 0, scale_none = 0;
  set_num_threads(1);
  grad_norm(Device::cpu, {x.data(), &one, &scale_one, static_cast<int64_t>(x.size()), 0.5});
  set_num_threads(2);
  grad_norm(Device::cpu, {x.data(), &two, &scale_two, static_cast<int64_t>(x.size()), 0.5});
  grad_norm(Device::cpu, {x.data(), &none, &scale_none, 0, 0.5});
  set_num_threads(before);
  CHECK(one == two);
  CHECK(one == doctest::Approx(expected).epsilon(1e-13));
  CHECK(scale_one == scale_two);
  CHECK(scale_one == static_cast<real>(0.5 / (one + 1e-6)));
  CHECK(none == 0);
  CHECK(scale_none == 1);
  CHECK(clip_scale(3, 0) == 1);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
