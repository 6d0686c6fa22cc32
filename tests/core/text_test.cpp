// Foreign text in messages: what a terminal would obey is masked, and every length has a bound.
#include "core/text.h"

#include <doctest/doctest.h>

#include <string>

#include "core/error.h"
#include "tests/files.h"

using namespace soragrad;

TEST_CASE("text: shown masks what a terminal would obey and what is no UTF-8") {
  CHECK(shown("a\tb\x1B[0m\n") == "a?b?[0m?");
  CHECK(shown("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
  CHECK(shown("mod\350le") == "mod?le");
  CHECK(shown("a\xE2\x80\xAE"
              "b") == "a?b");  // right-to-left override
  CHECK(shown("\xC2\x9B"
              "2J") == "?2J");  // control sequence introducer in one character
  CHECK(shown("").empty());
}

TEST_CASE("text: shown keeps the beginning and the end of a long text, whole characters") {
  CHECK(shown(std::string(120, 'x')) == std::string(120, 'x'));
  const std::string text = std::string(100, 'a') + std::string(100, 'z');
  CHECK(shown(text) == std::string(77, 'a') + "..." + std::string(40, 'z'));
  std::string accents;
  for (int i = 0; i < 50; ++i) accents += "\xC3\xA9";
  CHECK(shown(accents, 50) == accents);
  CHECK(shown(accents, 9) == accents.substr(0, 6) + "..." + accents.substr(0, 6));
  CHECK(shown(std::string(10'000'000, 'y')).size() == 120);
  CHECK(quote("x\"y") == "\"x\"y\"");
}

TEST_CASE("text: trimmed takes blanks and line ends off both ends") {
  CHECK(trimmed(" \t a b\r\n") == "a b");
  CHECK(trimmed(" \n").empty());
}

TEST_CASE("text: lower case is of ASCII letters alone") {
  CHECK(ascii_lower("Train.CSV @[`{ \xC3\x89\xC4\xB0") == "train.csv @[`{ \xC3\x89\xC4\xB0");
}

TEST_CASE("text: invalid parts of UTF-8 are counted, U+FFFD itself is none") {
  CHECK(invalid_parts("plain \xC3\xA4 \xEF\xBF\xBD") == 0);
  CHECK(invalid_parts("a\xFF\xFE"
                      "b\xE2\x82") == 3);
}

TEST_CASE("text: a message is one line with a bound that keeps its end") {
  CHECK(bounded_line("a\nb\tc\n") == "a b c");
  const std::string message = "[file] " + std::string(5000, 'x') + "; do this.";
  const std::string line = bounded_line(message);
  CHECK(line.size() == kMessageBytes);
  CHECK(line.starts_with("[file] xxx"));
  CHECK(line.ends_with("; do this."));
  std::string wide;
  for (int i = 0; i < 1000; ++i) wide += "\xF0\x9F\x98\x80";
  const std::string cut = bounded_line(wide);
  CHECK(cut.size() <= kMessageBytes);
  std::string storage;
  CHECK(repair_utf8(cut, storage).data() == cut.data());  // no character is cut in two
}

TEST_CASE("text: every Error has the bound") {
  const std::string message = test::message_of([] { fail("[x] {}", std::string(1 << 20, 'y')); });
  CHECK(message.size() == kMessageBytes);
  CHECK_THROWS_AS(throw UsageError("[x] a\nb"), Error);
}

// SPDX-License-Identifier: Apache-2.0
