#include "train/run/checkpoint_gpu.h"

#include <fmt/format.h>

#include "core/gpu_identity.h"

namespace soragrad::train {

void write_gpu(Device device, nlohmann::json& numbers) {
  if (device == Device::cuda) numbers["gpu"] = cuda::gpu_identity();
}

std::string read_gpu(const nlohmann::json& numbers) {
  return numbers.value("gpu", "");
}

void compare_gpus(const std::string& before, Device device, const Note& note) {
  if (device != Device::cuda || before.empty()) return;
  const std::string now = cuda::gpu_identity();
  if (before == now) return;
  note(
      fmt::format("warning: the checkpoint was made on {}; this is {}. The steps that follow may "
                  "differ in their last bits from those of the same run there.",
                  before, now));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
