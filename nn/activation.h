// Activation functions by the names that config.json and `adapter_activation` give them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "autograd/variable.h"

namespace soragrad::nn {

// gelu is the exact one (erf), gelu_new the tanh approximation, as in Hugging Face.
enum class Activation : uint8_t { gelu, gelu_new, relu, tanh };

// The activation of that name, other names that mean the same included ("gelu_python" is gelu).
// None if the name is not known.
std::optional<Activation> find_activation(std::string_view name);
std::string_view name_of(Activation activation);
// "gelu, gelu_new, relu and tanh", for messages.
std::string activation_names();

// y = activation(x), of x's shape.
Variable activate(Activation activation, const Variable& x);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
