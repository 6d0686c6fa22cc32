#include "core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace soragrad {

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  if (std::filesystem::is_symlink(path_, error)) {
    path_ = std::filesystem::weakly_canonical(path_, error);
    require(!path_.empty(), "[file] {}: cannot resolve the link: {}.", path_.string(),
            error.message());
  }
  // The first N that is free: a killed process may have left some, and process ids repeat.
  static std::atomic<uint32_t> counter{0};
  for (int attempt = 0; attempt < 1000 && fd_ < 0; ++attempt) {
    temporary_ = path_;
    temporary_ += fmt::format(".tmp.{}.{}", ::getpid(), counter.fetch_add(1));
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) break;
  }
  if (fd_ < 0) fail_with_errno("cannot create the temporary file beside it");
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
    if (written < 0) fail_with_errno("cannot write");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail_with_errno("cannot sync");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno("cannot rename");
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
  fail("[file] {}: {}: {}.", path_.string(), what, std::generic_category().message(errno));
}

}  // namespace soragrad
