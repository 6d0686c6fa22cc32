// What the tests of data/ share: a folder to write into and the way to the shared files.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

namespace soragrad::data {

// A folder that lives as long as the test.
class TestFolder {
 public:
  TestFolder() {
    path_ = (std::filesystem::temp_directory_path() / "soragrad_data_XXXXXX").string();
    require(::mkdtemp(path_.data()) != nullptr, "[test] cannot make {}.", path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const {
    return (std::filesystem::path(path_) / name).string();
  }
  // Writes the file, folders included, and returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::string file = *this / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    write_file_atomically(file, bytes);
    return file;
  }

 private:
  std::string path_;
};

// The file or folder NAME of the shared files, which stand beside the checkout or where the
// environment variable SORAGRAD_SHARED says; nothing where it is absent.
inline std::optional<std::string> shared_path(std::string_view name) {
  const char* root = ::getenv("SORAGRAD_SHARED");
  const std::filesystem::path path =
      std::filesystem::path(root ? root : SORAGRAD_SOURCE_DIR "/../shared") / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path.string();
}

// The message of the Error that the call throws, "" if it throws none.
template <typename Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace soragrad::data
