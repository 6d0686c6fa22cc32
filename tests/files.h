// What all tests share: temporary folders, the shared files, and reading texts and error messages.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace soragrad::test {

// A temporary folder, removed with its contents at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "soragrad_XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "[test] cannot make {}.", name);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  // Writes the file, folders included, and returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// A file or folder of the shared files, which are in `shared` beside the checkout or in the folder
// that the environment variable SORAGRAD_SHARED names. Nothing if it does not exist: the case then
// prints SKIPPED.
inline std::optional<std::filesystem::path> shared_path(std::string_view name) {
  const char* root = ::getenv("SORAGRAD_SHARED");
  std::filesystem::path path =
      std::filesystem::path(root ? root : SORAGRAD_SOURCE_DIR "/../shared") / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

// The bytes of a file; "" if it cannot be read.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// The message of the Error that the call throws; "" if it throws none.
template <typename Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
