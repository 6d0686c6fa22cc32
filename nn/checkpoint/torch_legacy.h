// Checkpoints as torch.save wrote them before torch 1.6: five pickles one after another (magic
// number, protocol, system, state dict, storage keys), then for each key its number of elements
// (int64) and their bytes. Source: torch/serialization.py, _legacy_save.
#pragma once

#include <vector>

#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {

// Whether the file begins with the pickled magic number.
bool is_torch_legacy(const FileBytes& file);

// Lists the tensors of the state dict, in place. Throws Error as read_torch_zip does.
std::vector<StoredTensor> read_torch_legacy(const FileBytes& file);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
