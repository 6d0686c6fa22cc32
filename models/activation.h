// The activations a config.json may name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "autograd/variable.h"

namespace soragrad::models {

enum class Activation : uint8_t { gelu, gelu_new, relu, tanh };

// None for a name that is not known: "gelu", "gelu_new", "relu", "tanh" are.
std::optional<Activation> find_activation(std::string_view name);
std::string_view name_of(Activation activation);
Variable activate(Activation activation, const Variable& x);

}  // namespace soragrad::models
