// The GPU of a checkpoint's last step. Another GPU, driver or library may take other algorithms,
// which sum in another order.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "core/device.h"
#include "train/run/note.h"

namespace soragrad::train {

// cuda::gpu_identity() as "gpu" of a checkpoint's numbers; nothing for a run on the CPU.
void write_gpu(Device device, nlohmann::json& numbers);
// What write_gpu() wrote; empty if that was nothing.
std::string read_gpu(const nlohmann::json& numbers);

// A warning if a checkpoint of the GPU `before` goes on on another one; none if either is the CPU.
void compare_gpus(const std::string& before, Device device, const Note& note);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
