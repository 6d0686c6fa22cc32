// Files of text that are something else.
#pragma once

#include <string>
#include <string_view>

namespace soragrad {

// Throws, naming `where`, if a file that should be text begins as one that is packed (gzip, xz,
// Zstandard, bzip2, zip) or as UTF-16 does. `start`: its first bytes, some tens at least.
void require_plain_text(std::string_view start, const std::string& where);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
