// Text that is packed or UTF-16 is refused; other bytes are not.
#include "core/plain_text.h"

#include <doctest/doctest.h>

#include <string_view>

#include "core/error.h"

using namespace soragrad;

TEST_CASE("plain_text: packed files and UTF-16 are no plain text") {
  using namespace std::string_view_literals;
  for (const std::string_view start :
       {"\x1f\x8b\x08\0"sv,
        "\xfd"
        "7zXZ\0"sv,
        "\x28\xb5\x2f\xfd"sv, "BZh91AY&SY"sv, "PK\x03\x04"sv, "\xff\xfe"sv, "\xfe\xff"sv,
        "t\0e\0x\0t\0,\0"sv, "\0t\0e\0x\0t\0,"sv}) {
    CHECK_THROWS_AS(require_plain_text(start, "a.txt"), Error);
  }
  for (const std::string_view start :
       {""sv, "P"sv, "BZh is a word"sv, "\xef\xbb\xbfx"sv, "\xff"sv, "a\0b\0text,label"sv}) {
    CHECK_NOTHROW(require_plain_text(start, "a.txt"));
  }
}

// SPDX-License-Identifier: Apache-2.0
