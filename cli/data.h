// `soragrad data`: what train would do with files of own data.
#pragma once

#include <string>
#include <vector>

namespace soragrad::cli {

struct DataOptions {
  std::vector<std::string> words;  // FILEs of train, and key=value
  std::string model;               // --model: for id2label and lengths in tokens; may be empty
  bool json = false;               // --json: one object on stdout
};

// Prints columns, labels, lengths and what is odd about the files. Throws where train would refuse.
int data_main(const DataOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
