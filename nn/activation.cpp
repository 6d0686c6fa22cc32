#include "nn/activation.h"

#include <array>
#include <utility>

#include "autograd/ops.h"

namespace soragrad::nn {
namespace {

struct Row {
  std::string_view name;
  Activation activation;
};

// The first name of each is its own; the others are transformers' further names of the same
// function (activations.py, ACT2FN).
constexpr std::array<Row, 7> kNames = {{
    {"gelu", Activation::gelu},
    {"gelu_new", Activation::gelu_new},
    {"relu", Activation::relu},
    {"tanh", Activation::tanh},
    {"gelu_python", Activation::gelu},
    {"gelu_pytorch_tanh", Activation::gelu_new},
    {"gelu_fast", Activation::gelu_new},
}};
constexpr size_t kCount = 4;
static_assert(kNames[kCount - 1].activation == Activation::tanh, "a row for each activation");

}  // namespace

std::optional<Activation> find_activation(std::string_view name) {
  for (const Row& row : kNames) {
    if (row.name == name) return row.activation;
  }
  return std::nullopt;
}

std::string_view name_of(Activation activation) {
  return kNames[static_cast<size_t>(activation)].name;
}

std::string activation_names() {
  std::string names;
  for (size_t i = 0; i < kCount; ++i) {
    const char* separator = i == 0 ? "" : i + 1 == kCount ? " and " : ", ";
    names.append(separator).append(kNames[i].name);
  }
  return names;
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

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
