#include "train/run/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace soragrad::train {

namespace {

// Bytes up to the end of the last whole line among the first `size`.
int64_t whole_lines(int fd, int64_t size) {
  char block[4096];
  for (int64_t end = size; end > 0;) {
    const int64_t begin = end > int64_t{sizeof block} ? end - int64_t{sizeof block} : 0;
    const ssize_t count = ::pread(fd, block, static_cast<size_t>(end - begin), begin);
    if (count != end - begin) return 0;
    for (int64_t i = count; i > 0; --i) {
      if (block[i - 1] == '\n') return begin + i;
    }
    end = begin;
  }
  return 0;
}

}  // namespace

AppendFile::AppendFile(std::string path, int64_t length) : path_(std::move(path)), length_(length) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
  require(fd_ >= 0, "[run] cannot write {}: {}.", path_, std::strerror(errno));
  struct stat status {};
  bool good = ::fstat(fd_, &status) == 0;
  if (good && status.st_size < length_) length_ = whole_lines(fd_, status.st_size);
  good = good && ::ftruncate(fd_, length_) == 0;
  if (good) return;
  const int error = errno;
  ::close(fd_);
  fail("[run] cannot cut {} to {} bytes: {}.", path_, length_, std::strerror(error));
}

AppendFile::~AppendFile() {
  ::close(fd_);
}

void AppendFile::append(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = errno;
      const bool cut = ::ftruncate(fd_, length_) == 0;
      fail("[run] cannot write {}: {}{}.", path_, std::strerror(error),
           cut ? "" : "; its last line is incomplete");
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  length_ += static_cast<int64_t>(bytes.size());
}

void AppendFile::sync() {
  require(::fdatasync(fd_) == 0, "[run] cannot sync {}: {}.", path_, std::strerror(errno));
}

}  // namespace soragrad::train
