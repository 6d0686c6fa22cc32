// Between a module tree and a checkpoint. Loading is strict: everything that does not fit is listed
// in one message - missing, unexpected and mis-shaped names, the first ten of each.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/checkpoint/checkpoint.h"
#include "nn/module.h"

namespace soragrad::nn {

// Where names of a file and of a module tree may differ. An undefined predicate is false for all.
struct StateRules {
  std::string prefix = {};  // the module's name of the file's NAME is prefix + NAME
  std::function<bool(std::string_view name)> ignored = {};        // harmless in the file: not read
  std::function<bool(std::string_view name)> may_be_absent = {};  // the caller draws these
};

// Gives each parameter the tensor of its path, on the device. On the CPU a tensor of this build's
// real type that is aligned is used where the file is mapped, read-only, without a copy; others are
// converted. Returns the parameters that the file lacks and the rules excuse. Throws before
// anything is assigned where names or shapes do not fit.
std::vector<Parameter*> load_state(std::span<Parameter* const> parameters,
                                   const Checkpoint& checkpoint, const StateRules& rules = {},
                                   Device device = Device::cpu);
std::vector<Parameter*> load_state(Module& module, const Checkpoint& checkpoint,
                                   const StateRules& rules = {}, Device device = Device::cpu);

// Writes the parameters' values under their paths as one safetensors file, in one step.
void save_state(const std::filesystem::path& path, std::span<Parameter* const> parameters,
                Metadata metadata = {{"format", "pt"}});

// The tensor as this build's reals on the CPU: mapped where possible, as load_state() says.
Tensor load_tensor(const Checkpoint& checkpoint, std::string_view name);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
