// Files that appear complete or not at all: written under a temporary name in the same folder,
// synced, renamed. A killed run leaves the old file untouched.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/descriptor.h"

namespace soragrad {

class AtomicFile {
 public:
  // Creates "NAME.tmp.PID.N" beside the path; throws if the folder cannot be written. A symbolic
  // link keeps pointing to its target, which is replaced.
  explicit AtomicFile(std::filesystem::path path);
  // Removes the temporary file unless commit() has run.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Appends; throws on a full disk and the like.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  // Syncs, renames over the path and syncs the folder.
  void commit();

 private:
  [[noreturn]] void fail_with_errno(const char* what) const;

  std::filesystem::path path_, temporary_;
  Descriptor file_;
};

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
