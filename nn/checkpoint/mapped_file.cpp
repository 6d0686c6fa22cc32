#include "nn/checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace soragrad::nn {

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const std::string where = shown(path.string());
  // Non-blocking: opening a pipe that nobody writes to would otherwise wait for ever.
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) fail("[{}] cannot be opened: {}.", where, system_reason(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    fail("[{}] cannot be read: {}.", where, system_reason(errno));
  require(S_ISREG(status.st_mode), "[{}] is not a regular file; give a file of weights.", where);
  if (status.st_size == 0) return;  // mmap refuses empty files
  const auto size = static_cast<size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED)
    fail("[{}] cannot be mapped ({} bytes): {}.", where, size, system_reason(errno));
  bytes_ = {static_cast<const std::byte*>(data), size};
  name_ = NamedMapping(bytes_, where);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(std::exchange(other.bytes_, {})),
      name_(std::move(other.name_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  return *this;
}

FileBytes map_file(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  const std::span<const std::byte> bytes = file->bytes();
  FileBytes result{bytes, std::move(file), shown(path.string())};
  refuse_stand_in(result.text(), result.where);
  return result;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
