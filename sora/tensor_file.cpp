#include "sora/tensor_file.h"

#include <algorithm>

#include "core/error.h"
#include "nn/checkpoint/checkpoint.h"
#include "nn/checkpoint/safetensors.h"

namespace soragrad::sora {

void write_tensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  std::vector<Tensor> kept;  // host copies live until the file is written
  nn::SafetensorsWriter writer;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.to(Device::cpu));
    writer.add(name, tensor.dtype(), tensor.shape().sizes(), {kept.back().raw(), tensor.bytes()});
  }
  writer.write(path);
}

void read_tensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  const nn::Checkpoint file = nn::open_checkpoint(path);
  for (const auto& [name, target] : tensors) {
    const nn::StoredTensor& stored = file.at(name);
    require(stored.dtype == target.dtype() && stored.numel() == target.numel(),
            "[checkpoint] {}: {} holds {} elements of {}; this run has {} of {}.", file.where(),
            name, stored.numel(), stored.type, target.numel(), name_of(target.dtype()));
    const Tensor host = Tensor::empty(target.shape(), target.dtype());
    require(stored.bytes.size() == host.bytes(), "[checkpoint] {}: {} is damaged.", file.where(),
            name);
    std::copy(stored.bytes.begin(), stored.bytes.end(), host.raw());
    target.copy_from(host);
  }
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
