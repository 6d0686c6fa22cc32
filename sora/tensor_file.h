// Named tensors of a state on disk, one safetensors file.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace soragrad::sora {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Writes the tensors, of any type and device, in one step.
void write_tensors(const std::filesystem::path& path, const NamedTensors& tensors);
// Copies the file's tensors over those of the same names. Throws, naming file and tensor, if one is
// absent, damaged, or of another type or number of elements.
void read_tensors(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
