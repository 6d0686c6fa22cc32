// The directory of a zip archive in memory, for members that are stored without compression and
// can be used in place. libzip, which inflates the others, does not tell where a member's bytes
// lie. Format: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3 (zip64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "nn/checkpoint/mapped_file.h"

namespace soragrad::nn {

class ZipDirectory {
 public:
  struct Member {
    uint64_t index = 0;                // in the central directory, as libzip counts
    uint64_t size = 0;                 // inflated
    uint16_t method = 0;               // 0: stored
    std::span<const std::byte> bytes;  // as they lie in the archive
  };

  // Reads and checks the directory: members must lie before it, apart from each other, under the
  // same name in both headers, unencrypted. Sizes come from the directory (torch leaves the local
  // headers' at zero), checksums are not compared (torch may leave them out).
  explicit ZipDirectory(const FileBytes& file);
  ~ZipDirectory();
  ZipDirectory(const ZipDirectory&) = delete;
  ZipDirectory& operator=(const ZipDirectory&) = delete;

  const std::map<std::string_view, Member>& members() const { return members_; }
  // The member's contents, in place or inflated into memory of their own. Throws where there is no
  // such member, and where inflated members would pass 64 MiB and four times the archive together.
  FileBytes read(std::string_view name);

 private:
  struct Inflater;

  FileBytes inflate(std::string_view name, const Member& member);

  FileBytes file_;
  std::map<std::string_view, Member> members_;  // names point into the file
  std::unique_ptr<Inflater> inflater_;          // made when the first compressed member is read
  uint64_t inflated_ = 0;
};

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
