// The files of own data in a folder.
#pragma once

#include <string>
#include <vector>

namespace soragrad::data {

struct CustomFolder {
  std::vector<std::string> train, validation, test;
};

// train.*, then validation.*, valid.* or dev.*, and test.*, of a known format; or the shards of the
// Hugging Face Hub, train-00000-of-00002.parquet and so on, in their order. Throws if the folder
// has no train file, several candidates for one part, or not all shards of a part.
CustomFolder find_custom_files(const std::string& folder);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
