#include "models/activation.h"

#include <array>
#include <utility>

#include "autograd/ops.h"

namespace soragrad::models {
namespace {

constexpr std::array<std::pair<std::string_view, Activation>, 4> kNames = {{
    {"gelu", Activation::gelu},
    {"gelu_new", Activation::gelu_new},
    {"relu", Activation::relu},
    {"tanh", Activation::tanh},
}};

}  // namespace

std::optional<Activation> find_activation(std::string_view name) {
  for (const auto& [known, activation] : kNames) {
    if (known == name) return activation;
  }
  return std::nullopt;
}

std::string_view name_of(Activation activation) {
  return kNames[static_cast<size_t>(activation)].first;
}

Variable activate(Activation activation, const Variable& x) {
  switch (activation) {
    case Activation::gelu:
      return gelu(x);
    case Activation::gelu_new:
      return gelu_new(x);
    case Activation::relu:
      return relu(x);
    case Activation::tanh:
      return soragrad::tanh(x);
  }
  return x;
}

}  // namespace soragrad::models
