#include "core/output_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace soragrad {

namespace {

namespace fs = std::filesystem;

std::string reason(int error) {
  return std::generic_category().message(error);
}

// stat() of a path: whether it exists. Throws for every other reason than that it does not.
bool find(const fs::path& path, struct stat& status) {
  if (::stat(path.c_str(), &status) == 0) return true;
  const int error = errno;
  require(error == ENOENT, "[output] {}: {}.", path.string(), reason(error));
  return false;
}

void require_writable(const fs::path& folder, const std::string& path) {
  const int result = ::access(folder.c_str(), W_OK | X_OK);
  const int error = errno;
  require(result == 0, "[output] {} cannot be written: {}: {}.", path, folder.string(),
          reason(error));
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

void require_output_file(const std::string& path) {
  require(!path.empty(), "[output] the name of the file is empty.");
  require(path != "-", "[output] - is no file; /dev/stdout is the standard output.");
  struct stat status {};
  if (find(path, status)) {
    require(!S_ISDIR(status.st_mode), "[output] {} is a folder; name a file in it.", path);
    if (!S_ISREG(status.st_mode)) return;
  }
  const fs::path folder = parent_of(path);
  require(find(folder, status), "[output] {} cannot be written: there is no folder {}.", path,
          folder.string());
  require(S_ISDIR(status.st_mode), "[output] {} cannot be written: {} is no folder.", path,
          folder.string());
  require_writable(folder, path);
}

void require_output_folder(const std::string& path) {
  require(!path.empty(), "[output] the name of the folder is empty.");
  fs::path folder = fs::path(path).lexically_normal();
  if (!folder.has_filename()) folder = parent_of(folder);  // of a name that ends in "/"
  struct stat status {};
  const fs::path wanted = folder;
  while (!find(folder, status)) folder = parent_of(folder);
  if (folder == wanted) {
    require(S_ISDIR(status.st_mode), "[output] {} exists and is no folder; name another.", path);
  }
  require(S_ISDIR(status.st_mode), "[output] {} cannot be made: {} is no folder.", path,
          folder.string());
  require_writable(folder, path);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
