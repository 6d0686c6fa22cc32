#include "train/run/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "core/error.h"
#include "core/text.h"

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
  file_ = open_file(path_, O_RDWR | O_CREAT | O_APPEND);
  if (!file_) fail_with_errno("cannot be opened for writing");
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) fail_with_errno("cannot be examined");
  if (status.st_size < length_) length_ = whole_lines(file_.get(), status.st_size);
  if (::ftruncate(file_.get(), length_) != 0)
    fail_with_errno("cannot be cut to its last checkpoint");
}

void AppendFile::append(std::string_view bytes) {
  if (!write_all(file_.get(), std::as_bytes(std::span(bytes)))) {
    const int error = errno;
    const bool is_cut = ::ftruncate(file_.get(), length_) == 0;
    errno = error;
    fail_with_errno(is_cut ? "cannot be written"
                           : "cannot be written, and its last line is incomplete");
  }
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

// SPDX-License-Identifier: Apache-2.0
