// A read-only file in memory: weights are used where the kernel's page cache already holds them, so
// opening a checkpoint costs neither a copy nor memory of its own.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nn/checkpoint/lost_mapping.h"

namespace soragrad::nn {

// Owns one mapping. The file must not shrink while it is mapped (lost_mapping.h); replace files by
// rename instead.
class MappedFile {
 public:
  // Maps a regular file of any size; throws for directories, pipes, devices and missing files.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
  NamedMapping name_;
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

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
