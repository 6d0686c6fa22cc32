// What `--profile FILE` gives: a table on stderr and a trace in FILE.
#pragma once

#include <optional>
#include <string>

#include "core/profile.h"

namespace soragrad::train {

// Time by op, the forward and the backward pass apart, then by kernel. Rates are of the time of the
// op or kernel; shares add up to the whole, "other" being what no op accounts for.
std::string profile_table(const profile::Recorder& recorder, const profile::Peak& peak);

// Chrome's trace format (also read by ui.perfetto.dev): complete events that nest, times in
// microseconds; each carries the Hugging Face path of its module.
std::string profile_trace(const profile::Recorder& recorder);

// Records what the calling thread does while it lives; nothing where the file's name is empty.
class ProfileRun {
 public:
  // Measures the machine's peaks first. Throws where the file cannot be written.
  explicit ProfileRun(const std::string& file);
  // Writes file and table, of whatever was recorded.
  void finish();

 private:
  std::string file_;
  profile::Peak peak_;
  std::optional<profile::Recorder> recorder_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
