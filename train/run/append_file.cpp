#include "train/run/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace soragrad::train {

AppendFile::AppendFile(std::string path, int64_t length) : path_(std::move(path)), length_(length) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
  require(fd_ >= 0, "[run] cannot write {}: {}.", path_, std::strerror(errno));
  struct stat status {};
  const bool fits = ::fstat(fd_, &status) == 0 && status.st_size >= length;
  if (!fits || ::ftruncate(fd_, length) != 0) {
    ::close(fd_);
    fail("[run] {} has {} bytes where the checkpoint counts {}; the run cannot continue from it.",
         path_, static_cast<int64_t>(status.st_size), length);
  }
}

AppendFile::~AppendFile() {
  ::close(fd_);
}

void AppendFile::append(std::string_view bytes) {
  length_ += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    require(written > 0, "[run] cannot write {}: {}.", path_, std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void AppendFile::sync() {
  require(::fdatasync(fd_) == 0, "[run] cannot sync {}: {}.", path_, std::strerror(errno));
}

}  // namespace soragrad::train
