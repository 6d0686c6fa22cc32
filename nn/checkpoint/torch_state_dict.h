// From a pickled state dict and the bytes of its storages to tensors.
#pragma once

#include <span>
#include <vector>

#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/stored_tensor.h"
#include "nn/checkpoint/torch_pickle.h"

namespace soragrad::nn {

// The members of the dict at the pickle's top, in its order; storages[i] holds all the bytes of
// pickle.storages[i]. Members that are no tensors are listed without a dtype. Throws where the top
// is no dict, a key is no text or appears twice, or a tensor reaches past its storage.
std::vector<StoredTensor> list_tensors(const Pickle& pickle, std::span<const FileBytes> storages,
                                       const std::string& where);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
