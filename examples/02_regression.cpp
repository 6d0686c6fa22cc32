// 02_regression: a small network trained from scratch: modules, a loss, AdamW, a schedule.
//
//   $ ./02_regression
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
    if (step == 0 || step == 99 || step == kSteps - 1) {
      fmt::print("step {:4}: loss {}\n", step + 1,
                 loss.value().item() < 1e-3 ? "below 0.001" : "above 0.1");
    }
  }

  const NoGrad no_grad;  // nothing is recorded from here on
  const Variable at(Tensor::from({-1, 0, 0.5f}, {3, 1}));
  for (const real height : network.forward(at, {}).value().to_vector()) {
    fmt::print("{:.1f}\n", height);
  }
}
