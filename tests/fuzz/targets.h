// Readers of foreign files as fuzz targets. For a damaged file a reader must throw Error with a
// one-line message; anything else that it throws or does is a bug.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::fuzz {

struct Target {
  std::string_view name;
  void (*read)(std::string_view bytes);
  std::vector<std::string> (*seeds)();  // good files to begin from; GOLDEN is a folder of tests
};

// safetensors, shard indices, torch's two forms and its pickles: all in memory.
std::span<const Target> checkpoint_targets();
// config.json, tokenizers, rows, YAML and adapters.
std::span<const Target> text_targets();
// Own data in every format, corpora, checkpoints of runs.
std::span<const Target> table_targets();

// Runs a target on one file: whether it was accepted. Ends the program if a message is not one line
// of less than 500 bytes.
bool run(const Target& target, std::string_view bytes);

// The target's seeds, then the files of tests/fuzz/corpus/NAME: inputs that reach much of a reader,
// as libFuzzer found them, and those that once were a fault.
std::vector<std::string> corpus(const Target& target);

}  // namespace soragrad::fuzz

// SPDX-License-Identifier: Apache-2.0
