// Why a run of a grid failed: error.json in its folder. The first error is kept until the run is
// complete, with the number of attempts and the time of the last one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace soragrad::train {

struct RunError {
  std::string message;  // of the first attempt
  std::string host;     // of the first attempt
  int64_t attempts = 0;
  double last = 0;  // seconds since 1970
};

// Nothing if no attempt has failed.
std::optional<RunError> read_run_error(const std::string& folder);
// Keeps the error of one more attempt. What cannot be written is lost without a word: the error
// itself has been printed.
void record_run_error(const std::string& folder, const std::string& message) noexcept;
void forget_run_error(const std::string& folder) noexcept;

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
