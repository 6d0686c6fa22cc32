// Plain POSIX calls, because std::fstream has no fsync and no O_EXCL.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"

namespace soragrad {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChunkBytes = size_t{1} << 20;

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail_file(const std::string& path, const char* what, int error) {
  fail("[file] {}: {}: {}.", path, what, std::strerror(error));
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_file(path, "cannot write", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void write_in_place(const std::string& path, std::string_view bytes) {
  const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0) fail_file(path, "cannot open for writing", errno);
  write_all(fd.get(), bytes, path);
}

}  // namespace

std::string read_file(const std::string& path, int64_t max_bytes) {
  // O_NONBLOCK: opening a named pipe that nobody writes must not wait; reading then waits as usual.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd.get() < 0) fail_file(path, "cannot open", errno);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) fail_file(path, "cannot examine", errno);
  require(!S_ISDIR(info.st_mode), "[file] {}: is a folder, expected a file.", path);
  require(S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode),
          "[file] {}: is neither a regular file nor a pipe.", path);
  require(!S_ISREG(info.st_mode) || info.st_size <= max_bytes,
          "[file] {}: {} bytes, at most {} are read.", path, info.st_size, max_bytes);
  ::fcntl(fd.get(), F_SETFL, 0);

  std::string bytes;
  size_t size = 0;
  for (;;) {
    if (size == bytes.size()) {
      // Grow with what arrived: one byte past a regular file's size, so that its end needs no copy.
      const size_t claimed = S_ISREG(info.st_mode) ? static_cast<size_t>(info.st_size) + 1 : 0;
      bytes.resize(size == 0 ? std::max(claimed, size_t{4096})
                             : size + std::max(size, kChunkBytes));
    }
    const ssize_t count = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_file(path, "cannot read", errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
    require(size <= static_cast<size_t>(max_bytes), "[file] {}: more than {} bytes.", path,
            max_bytes);
  }
  bytes.resize(size);
  return bytes;
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) fail("[file] {}: is a folder, expected a file.", path);
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_in_place(path, bytes);

  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace soragrad
