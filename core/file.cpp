// Plain POSIX calls, because std::fstream has no fsync and no O_EXCL.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <span>

#include "core/atomic_file.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/plain_text.h"
#include "core/text.h"

namespace soragrad {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChunkBytes = size_t{1} << 20;

[[noreturn]] void fail_file(const std::string& path, const char* what, int error) {
  fail("[{}] {}: {}.", shown(path), what, system_reason(error));
}

void write_in_place(const std::string& path, std::string_view bytes) {
  const Descriptor file = open_file(path, O_WRONLY);
  if (!file) fail_file(path, "cannot be opened for writing", errno);
  if (!write_all(file.get(), std::as_bytes(std::span(bytes)))) {
    fail_file(path, "cannot be written", errno);
  }
}

fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  require(status.type() != fs::file_type::none, "[{}] cannot be examined: {}.",
          shown(path.string()), system_reason(error.value()));
  return status;
}

// `start`: in lower case.
bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return ascii_lower(text.substr(0, start.size())) == start;
}

}  // namespace

std::string read_file(const std::string& path, int64_t max_bytes) {
  // O_NONBLOCK: opening a named pipe that nobody writes must not wait; reading then waits as usual.
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) fail_file(path, "cannot be opened", errno);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) fail_file(path, "cannot be examined", errno);
  require(!S_ISDIR(info.st_mode), "[{}] is a folder; a file is needed.", shown(path));
  require(S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode),
          "[{}] is neither a regular file nor a pipe.", shown(path));
  require(!S_ISREG(info.st_mode) || info.st_size <= max_bytes,
          "[{}] has {} bytes; at most {} are read.", shown(path), info.st_size, max_bytes);
  ::fcntl(file.get(), F_SETFL, 0);

  std::string bytes;
  size_t size = 0;
  for (;;) {
    if (size == bytes.size()) {
      // Grow with what arrived: one byte past a regular file's size, so that its end needs no copy.
      const size_t claimed = S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) + 1 : 0;
      bytes.resize(size == 0 ? std::max(claimed, size_t{4096})
                             : size + std::max(size, kChunkBytes));
    }
    const ssize_t count = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_file(path, "cannot be read", errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
    require(size <= static_cast<size_t>(max_bytes), "[{}] has more than {} bytes.", shown(path),
            max_bytes);
  }
  bytes.resize(size);
  refuse_stand_in(bytes, shown(path));
  return bytes;
}

void refuse_stand_in(std::string_view bytes, const std::string& where) {
  require(!bytes.starts_with("version https://git-lfs"),
          "[{}] is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder, or "
          "download it again.",
          where);
  std::string_view start = bytes.substr(0, 256);
  if (start.starts_with(kByteOrderMark)) start.remove_prefix(kByteOrderMark.size());
  start = trimmed(start);
  require(!starts_with_ignoring_case(start, "<!doctype html") &&
              !starts_with_ignoring_case(start, "<html"),
          "[{}] is a web page (HTML), not the file itself; download the file again, not the page "
          "that shows it.",
          where);
}

bool path_exists(const fs::path& path) {
  return fs::exists(status_of(path));
}

bool is_file(const fs::path& path) {
  return fs::is_regular_file(status_of(path));
}

bool is_folder(const fs::path& path) {
  return fs::is_directory(status_of(path));
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  require(!error, "[{}] the folder cannot be made: {}.", shown(path.string()),
          system_reason(error.value()));
}

fs::path absolute_path(const fs::path& path) {
  std::error_code error;
  require(!path.empty(), "an empty name is no path; name a file or a folder.");
  const fs::path whole = fs::absolute(path, error);
  require(!error, "[{}] the working folder is gone; change to another one.", shown(path.string()));
  return whole.lexically_normal();
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  const fs::file_status status = status_of(path);
  if (fs::is_directory(status)) fail("[{}] is a folder; a file is needed.", shown(path));
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_in_place(path, bytes);

  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
