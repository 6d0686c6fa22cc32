// 02_regression: a small network trained from scratch: modules, a loss, AdamW, a schedule.
//
//   $ ./02_regression
//   hidden.weight  (32, 1)
//   hidden.bias    (32)
//   output.weight  (1, 32)
//   output.bias    (1)
//   step    1: loss above 0.1
//   step 2000: loss below 0.001
//   sin(-2.0) is about -0.9
//   sin(0.8) is about 0.7
//   sin(1.6) is about 1.0
#include <fmt/format.h>
#include <soragrad/soragrad.h>

#include <cmath>
#include <vector>

using namespace soragrad;

// A module declares its parts with their names: "hidden.weight", "hidden.bias", ... are the paths
// under which a checkpoint keeps the parameters.
struct Network : nn::Module {
  nn::Linear hidden{this, "hidden", 1, 32};
  nn::Linear output{this, "output", 32, 1};

  Variable forward(const Variable& x, const nn::Pass& pass) {  // (rows, 1) -> (rows, 1)
    return output.forward(tanh(hidden.forward(x, pass)), pass);
  }
};

int main() {
  // The curve to learn: sin(2 x) at 128 places in [-3, 3].
  constexpr int64_t kRows = 128, kSteps = 2000;
  std::vector<real> places, heights;
  for (int64_t row = 0; row < kRows; ++row) {
    places.push_back(-3 + real(6) * static_cast<real>(row) / (kRows - 1));
    heights.push_back(std::sin(2 * places.back()));
  }
  const Variable x(Tensor::from(places, {kRows, 1}));
  const Tensor y = Tensor::from(heights, {kRows, 1});

  Network network;
  nn::initialize(network, /*seed=*/1);
  for (const nn::Parameter* parameter : network.parameters()) {
    fmt::print("{:14} {}\n", parameter->path(), parameter->shape());
  }

  nn::Optimizer optimizer({{.parameters = network.parameters(), .learning_rate = 1e-2}});
  const nn::Schedule schedule{.type = nn::ScheduleType::cosine, .warmup = 100, .steps = kSteps};
  const nn::Pass pass{.training = true};
  for (int64_t step = 0; step < kSteps; ++step) {
    optimizer.zero_grad();
    const Variable loss = mse(network.forward(x, pass), y);
    backward(loss);
    optimizer.step(schedule.factor(step));
    if (step == 0 || step == kSteps - 1) {
      const bool small = loss.value().item() < 1e-3f;
      fmt::print("step {:4}: loss {}\n", step + 1, small ? "below 0.001" : "above 0.1");
    }
  }

  const NoGrad no_grad;  // nothing is recorded from here on
  const Variable at(Tensor::from({-1, 0.4f, 0.785f}, {3, 1}));
  const std::vector<real> learned = network.forward(at, {}).value().to_vector();
  for (size_t i = 0; i < learned.size(); ++i) {
    fmt::print("sin({:.1f}) is about {:.1f}\n", 2 * at.value().elements()[i], learned[i]);
  }
}

// SPDX-License-Identifier: Apache-2.0
