#include "train/grid/run_error.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "core/file.h"
#include "core/host_name.h"
#include "core/json.h"
#include "train/run/run_folder.h"

namespace soragrad::train {

namespace {

std::string file_of(const std::string& folder) {
  return folder + "/" + std::string(kErrorFile);
}

double seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

std::optional<RunError> read_run_error(const std::string& folder) {
  const std::string path = file_of(folder);
  if (!path_exists(path)) return std::nullopt;
  RunError error;
  try {
    const nlohmann::json object = read_json_object(path);
    error.message = object.value("message", "");
    error.host = object.value("host", "");
    error.attempts = object.value("attempts", int64_t{1});
    error.last = object.value("last", 0.0);
  } catch (const std::exception& unreadable) {
    error.message = unreadable.what();
    error.attempts = 1;
  }
  return error;
}

void record_run_error(const std::string& folder, const std::string& message) noexcept {
  try {
    RunError error = read_run_error(folder).value_or(RunError{});
    if (error.attempts == 0) {
      error.message = message;
      error.host = host_name();
    }
    make_folders(folder);
    write_file_atomically(file_of(folder),
                          json_text(nlohmann::json{{"message", error.message},
                                                   {"host", error.host},
                                                   {"attempts", error.attempts + 1},
                                                   {"last", seconds_now()}},
                                    1) +
                              "\n");
  } catch (const std::exception&) {
    // Printed it was.
  }
}

void forget_run_error(const std::string& folder) noexcept {
  std::error_code error;
  std::filesystem::remove(file_of(folder), error);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
