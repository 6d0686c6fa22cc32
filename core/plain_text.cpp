#include "core/plain_text.h"

#include <utility>

#include "core/error.h"

namespace soragrad {

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
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
