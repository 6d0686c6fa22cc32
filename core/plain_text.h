// Files of text that are something else.
#pragma once

#include <string>
#include <string_view>

namespace soragrad {

// U+FEFF in UTF-8: it may begin a file, and is not part of its text.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Throws, naming `where`, if a file that should be text begins as one that is packed (gzip, xz,
// Zstandard, bzip2, zip) or as UTF-16 does, with a byte order mark or without. `start`: its first
// bytes, some tens at least.
void require_plain_text(std::string_view start, const std::string& where);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
