// What stands around and beside a model's names in the checkpoints of its family. Internal to
// models/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/family.h"
#include "nn/checkpoint/checkpoint.h"

namespace soragrad::models {

// Whether published files hold the name though no version of a classifier reads it.
bool is_unused(const Family& family, std::string_view name);

// What the names lack in a file that was saved from the bare encoder: "bert."; else "".
std::string missing_prefix(const nn::Checkpoint& checkpoint, const Family& family);

// A checkpoint without the prefixes that torch's wrappers put before all names: DataParallel's and
// DistributedDataParallel's "module.", torch.compile's "_orig_mod.". Notes what it stripped.
nn::Checkpoint without_wrappers(nn::Checkpoint checkpoint, std::vector<std::string>& notes);

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
