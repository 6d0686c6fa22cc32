#include "train/run/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::train {

AppendFile::AppendFile(std::string path, int64_t length) : path_(std::move(path)), length_(length) {
  file_ = open_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  if (!file_) fail_with_errno("cannot be opened for writing");
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail_with_errno("cannot be examined");
  require(status.st_size >= length,
          "[{}] has {} bytes where the checkpoint counts {}; the run cannot continue from it.",
          shown(path_), static_cast<int64_t>(status.st_size), length);
  if (::ftruncate(file_.get(), length) != 0)
    fail_with_errno("cannot be cut to its last checkpoint");
}

void AppendFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), std::as_bytes(std::span(bytes))))
    fail_with_errno("cannot be written");
  length_ += static_cast<int64_t>(bytes.size());
}

void AppendFile::sync() {
  if (::fdatasync(file_.get()) != 0) fail_with_errno("cannot be synced to the disk");
}

void AppendFile::fail_with_errno(const char* what) const {
  const int error = errno;
  fail("[{}] {}: {}.", shown(path_), what, system_reason(error));
}

}  // namespace soragrad::train
