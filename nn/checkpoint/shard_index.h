// The index of a sharded checkpoint, as transformers writes it:
//   {"metadata": {...}, "weight_map": {NAME: "model-00001-of-00002.safetensors", ...}}
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/checkpoint/mapped_file.h"

namespace soragrad::nn {

// Name of a tensor to the name of the file that holds it.
using ShardMap = std::map<std::string, std::string>;

// Reads an index; throws for duplicate names, wrong types and a missing weight_map.
ShardMap read_shard_index(const FileBytes& file);

// The path of a shard. It must be a plain name in the index's own folder that does not lead outside
// by a symbolic link; links into the blobs of a Hugging Face cache (snapshots/REVISION beside
// blobs) are what that cache consists of, and pass.
std::filesystem::path shard_path(const std::filesystem::path& folder, const std::string& shard,
                                 const std::string& where);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
