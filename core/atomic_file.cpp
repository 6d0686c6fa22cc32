#include "core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace soragrad {

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (std::filesystem::is_symlink(path_, error)) {
    std::filesystem::path target = std::filesystem::weakly_canonical(path_, error);
    require(!error, "[{}] the link cannot be followed: {}.", shown(path_.string()),
            system_reason(error.value()));
    path_ = std::move(target);
  }
  // The first N that is free: a killed process may have left some, and process ids repeat.
  static std::atomic<uint32_t> counter{0};
  for (int attempt = 0; attempt < 1000 && !file_; ++attempt) {
    temporary_ = path_;
    temporary_ += fmt::format(".tmp.{}.{}", ::getpid(), counter.fetch_add(1));
    file_ = open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL);
    if (!file_ && errno != EEXIST) break;
  }
  if (!file_) fail_with_errno("cannot be created");
}

AtomicFile::~AtomicFile() {
  if (file_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (!write_all(file_.get(), bytes)) fail_with_errno("cannot be written");
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::commit() {
  if (::fsync(file_.get()) != 0) fail_with_errno("cannot be synced to the disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("cannot be replaced");
  file_.close();
  // The new name itself must reach the disk; folders that cannot be synced (some network file
  // systems) are left to the kernel.
  const Descriptor folder =
      open_file(path_.has_parent_path() ? path_.parent_path() : ".", O_RDONLY | O_DIRECTORY);
  if (folder) ::fsync(folder.get());
}

void AtomicFile::fail_with_errno(const char* what) const {
  const int error = errno;
  fail("[{}] {}: {}.", shown(path_.string()), what, system_reason(error));
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
