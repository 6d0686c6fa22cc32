#include "nn/checkpoint/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace soragrad::nn {

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  // A symbolic link keeps pointing to its target, which is replaced.
  std::error_code error;
  if (std::filesystem::is_symlink(path_, error)) path_ = std::filesystem::weakly_canonical(path_);
  temporary_ = path_;
  temporary_ += fmt::format(".tmp-{}", ::getpid());
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd_ < 0) fail_with_errno("cannot be created");
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    constexpr size_t kChunk = 1 << 30;  // Linux writes at most 2 GiB at once
    const ssize_t written = ::write(fd_, bytes.data(), std::min(bytes.size(), kChunk));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_with_errno("cannot be written");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail_with_errno("cannot be synced");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("cannot be renamed into");
  ::close(std::exchange(fd_, -1));
  // The new name itself must reach the disk; folders that cannot be synced (some network file
  // systems) are left to the kernel.
  const std::filesystem::path parent = path_.has_parent_path() ? path_.parent_path() : ".";
  const int folder = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

void AtomicFile::fail_with_errno(const char* what) const {
  fail("[{}] {}: {}.", path_.string(), what, std::generic_category().message(errno));
}

}  // namespace soragrad::nn
