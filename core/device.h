// Device: where memory is and kernels run. A process uses one GPU, so there is no index.
#pragma once

#include <cstdint>
#include <string_view>

namespace soragrad {

enum class Device : uint8_t { cpu, cuda };

constexpr std::string_view name_of(Device device) {
  return device == Device::cpu ? "cpu" : "cuda";
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
