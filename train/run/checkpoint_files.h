// What the checkpoints of training and of pre-training have in common: state.json beside
// state.safetensors, which state.json knows by its SHA-256; and the search for the newest good one.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"
#include "train/run/note.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

inline constexpr const char* kNumbers = "/state.json";
inline constexpr const char* kTensors = "/state.safetensors";

// Throws if the tensors of the checkpoint do not have the hash that state.json names.
inline void require_tensors(const std::string& folder, const std::string& hash) {
  const std::string found = sha256_of_file(folder + kTensors);
  require(found == hash, "[checkpoint] {}{} is damaged: its SHA-256 is {}, state.json has {}.",
          folder, kTensors, found.substr(0, 12), hash.substr(0, 12));
}

// read(folder) of the newest checkpoint for which it does not throw, with a line for each newer
// one; nothing if the run has no checkpoint. Throws the oldest one's error if all are damaged.
template <typename Read>
auto newest_checkpoint(const RunFolder& folder, const Note& note, const Read& read)
    -> std::optional<decltype(read(std::string()))> {
  const std::vector<int64_t> steps = folder.checkpoints();
  for (size_t i = steps.size(); i-- > 0;) {
    try {
      return read(folder.checkpoint(steps[i]));
    } catch (const Error& error) {
      if (i == 0) throw;
      note(fmt::format("{} Going on from the checkpoint of step {}.", error.what(), steps[i - 1]));
    }
  }
  return std::nullopt;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
