#include "nn/checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace soragrad::nn {

namespace {

// The files of map_file(), for require_unchanged_files().
class MappedFiles {
 public:
  void add(const std::shared_ptr<const MappedFile>& file) {
    const std::lock_guard lock(mutex_);
    std::erase_if(files_, [](const auto& known) { return known.expired(); });
    files_.push_back(file);
  }
  void require_unchanged() {
    const std::lock_guard lock(mutex_);
    for (const auto& known : files_) {
      const std::shared_ptr<const MappedFile> file = known.lock();
      if (!file || !file->is_changed()) continue;
      fail("[{}] was written while it was read; put the file back and start again.",
           shown(file->path().string()));
    }
  }

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<const MappedFile>> files_;
};

MappedFiles& mapped_files() {
  static MappedFiles files;
  return files;
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const std::string where = shown(path.string());
  // Non-blocking: opening a pipe that nobody writes to would otherwise wait for ever.
  const Descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) fail("[{}] cannot be opened: {}.", where, system_reason(errno));
  if (::fstat(file.get(), &status_) != 0)
    fail("[{}] cannot be read: {}.", where, system_reason(errno));
  require(S_ISREG(status_.st_mode), "[{}] is not a regular file; give a file of weights.", where);
  if (status_.st_size == 0) return;  // mmap refuses empty files
  const auto size = static_cast<size_t>(status_.st_size);
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
      name_(std::move(other.name_)),
      status_(other.status_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(name_, other.name_);
  std::swap(status_, other.status_);
  return *this;
}

bool MappedFile::is_changed() const {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) return false;
  if (now.st_dev != status_.st_dev || now.st_ino != status_.st_ino) return false;
  return now.st_size != status_.st_size || now.st_mtim.tv_sec != status_.st_mtim.tv_sec ||
         now.st_mtim.tv_nsec != status_.st_mtim.tv_nsec;
}

FileBytes map_file(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  mapped_files().add(file);
  const std::span<const std::byte> bytes = file->bytes();
  FileBytes result{bytes, std::move(file), shown(path.string())};
  refuse_stand_in(result.text(), result.where);
  return result;
}

void require_unchanged_files() {
  mapped_files().require_unchanged();
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
