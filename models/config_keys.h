// What families read and write keys of config.json by (Family::read_keys, write_keys).
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "models/config.h"

namespace soragrad::models {

// A bound that no size of a real model reaches. It keeps a hostile file from asking for much memory
// before the weights' shapes are compared.
constexpr int64_t kMaxConfigSize = int64_t{1} << 30;

// A config.json that is being written.
struct ConfigObject {
  nlohmann::json keys;
};

// All three throw naming file, key and value. A missing key leaves the activation as it is.
void read_activation(const JsonReader& reader, const char* key, Activation& activation);
// Throws unless the key is `wanted`; a missing key means `otherwise`.
void require_switch(const JsonReader& reader, const char* key, bool wanted, bool otherwise);
// Throws if the key is a number other than `wanted`; a missing key is right.
void require_number(const JsonReader& reader, const char* key, int64_t wanted);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
