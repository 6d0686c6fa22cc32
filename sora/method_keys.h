// The one table of the methods' keys: which members of MethodConfig they set, which methods read
// them, what values they take. `train`, its help and config.yaml, adapter_config.json and the
// checks of a MethodConfig all follow it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/allowed_values.h"
#include "sora/method.h"

namespace soragrad::sora {

using MethodField = std::variant<std::string*, int64_t*, double*, std::optional<double>*,
                                 std::vector<std::string>*>;

struct MethodKey {
  std::string_view name;
  MethodField (*field)(MethodConfig&);
  std::string_view methods;  // that read it, "sora|lora"
  NumberRange range;         // of a number
  std::string_view choices;  // of a text, "a|b|c"; empty: any
  std::string_view unset;    // what follows if it is not given; empty: MethodConfig's default
  bool is_shape;             // fixed by the tensors of an adapter
  std::string_view group;    // heading in `train --help`
  std::string_view help;

  bool is_read_by(std::string_view method) const { return is_choice(methods, method); }
};

std::span<const MethodKey> method_keys();

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
