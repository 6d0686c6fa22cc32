// Checkpoints that torch.save writes since torch 1.6: a zip archive of ROOT/data.pkl, the pickled
// state dict, and ROOT/data/KEY, the bytes of each storage, normally stored uncompressed.
#pragma once

#include <vector>

#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {

// Whether the file begins as a zip archive.
bool is_torch_zip(const FileBytes& file);

// Lists the tensors of the state dict; stored members are used in place. Throws Error for damage,
// contradictory sizes and pickles with anything but tensors in them.
std::vector<StoredTensor> read_torch_zip(const FileBytes& file);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
