// Several workers of a grid on this machine, as processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soragrad::cli {

// The number in the text of --jobs; empty: one a core, as many as the memory holds. `model` is the
// folder of the base model. Throws UsageError.
int64_t parse_jobs(const std::string& text, const std::string& model);

// Starts workers of this program with these arguments, gives each an equal part of the cores, and
// copies their lines to stderr with the worker's number before them. A request to stop
// (train/loop/interrupt.h) goes on to all. Returns when all have ended: 0, or the exit code of the
// first that ended with another one.
int run_workers(int64_t workers, const std::vector<std::string>& arguments);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
