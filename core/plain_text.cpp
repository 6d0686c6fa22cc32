#include "core/plain_text.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace soragrad {
namespace {

// Whether, of the first bytes, those at even or at odd positions are 0 and the others are not, as
// UTF-16 has them in Latin letters.
bool has_zeros_at(std::string_view start, bool odd) {
  constexpr size_t kLeast = 8, kMost = 64;
  const size_t size = std::min(start.size(), kMost);
  for (size_t i = 0; i < size; ++i) {
    if ((start[i] == '\0') != ((i % 2 == 1) == odd)) return false;
  }
  return size >= kLeast;
}

}  // namespace

void require_plain_text(std::string_view start, const std::string& where) {
  constexpr std::string_view kXz("\xFD\x37zXZ\0", 6);
  constexpr std::pair<std::string_view, const char*> kPacked[] = {
      {"\x1F\x8B", "gzip"},    {kXz, "xz"},           {"\x28\xB5\x2F\xFD", "zstd"},
      {"BZh91AY&SY", "bzip2"}, {"PK\x03\x04", "zip"},
  };
  for (const auto& [magic, packer] : kPacked) {
    require(!start.starts_with(magic), "[{}] is packed by {}, not text; unpack it first.", where,
            packer);
  }
  require(!start.starts_with("\xFF\xFE") && !start.starts_with("\xFE\xFF"),
          "[{}] is UTF-16 text; write it as UTF-8 (iconv -f UTF-16 -t UTF-8).", where);
  for (const char* order : {"BE", "LE"}) {
    require(!has_zeros_at(start, order[0] == 'L'),
            "[{}] seems to be UTF-16 text, for every second byte is 0; write it as UTF-8 (iconv -f "
            "UTF-16{} -t UTF-8).",
            where, order);
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
