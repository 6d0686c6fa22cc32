#include "train/run/results_file.h"

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"

namespace soragrad::train {

namespace {

std::string path_of(const std::string& run) {
  return run + "/" + kResultsFile;
}

}  // namespace

bool is_complete(const std::string& run) {
  return path_exists(path_of(run));
}

nlohmann::json read_results(const std::string& run) {
  try {
    return read_json_object(path_of(run));
  } catch (const Error& error) {
    fail("{} Remove the file; --resume, or the grid, then writes it anew.", error.what());
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
