// A read-only file in memory: weights are used where the kernel's page cache already holds them, so
// opening a checkpoint costs neither a copy nor memory of its own.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nn/checkpoint/lost_mapping.h"

namespace soragrad::nn {

// Owns one mapping. The file must not be written while it is mapped (lost_mapping.h,
// require_unchanged_files); replace files by rename instead.
class MappedFile {
 public:
  // Maps a regular file of any size; throws for directories, pipes, devices and missing files.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }
  // Whether the file was written since it was mapped, by its size and time of change. One that was
  // replaced by rename is another file: the mapping keeps the old bytes.
  bool is_changed() const;

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  NamedMapping name_;
  struct stat status_ {};  // when it was mapped
};

// What every reader of this folder takes: bytes, who keeps them alive, and their name in messages.
struct FileBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::string where;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// Maps a file for a reader; `where` is its path, made printable. Refuses what stands in for a file
// that was never fetched (core/file.h, refuse_stand_in).
FileBytes map_file(const std::filesystem::path& path);

// Throws, naming the file, if one that map_file() has mapped, and that is still in use, was written
// since. To be called once the weights have been used for the first time, and packed: before, they
// are read from the file.
void require_unchanged_files();

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
