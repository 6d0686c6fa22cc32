// `tokenize`: lines of text become lines of ids.
#include "cli/tokenize.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <string>

#include "tests/data/tokenizer_models.h"

using namespace soragrad;
using namespace soragrad::cli;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

std::string tokenized(const Tokenizer& tokenizer, std::string_view text, int max_length = 0) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::tmpfile(), &std::fclose);
  REQUIRE(in);
  std::fwrite(text.data(), 1, text.size(), in.get());
  std::rewind(in.get());
  std::string ids;
  tokenize_lines(tokenizer, max_length, in.get(), [&](std::string_view lines) { ids += lines; });
  return ids;
}

}  // namespace

TEST_CASE("tokenize: only LF ends a line, and the first TAB separates a pair") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(tokenized(*tokenizer, "") == "");
  CHECK(tokenized(*tokenizer, "\n") == "1 2\n");
  CHECK(tokenized(*tokenizer, "a\n\na") == "1 264 2\n1 2\n1 264 2\n");
  CHECK(tokenized(*tokenizer, "a\tc\n") == "1 264 2 260 266 2\n");
  CHECK(tokenized(*tokenizer, "a\t\n\ta\n") == "1 264 2 2\n1 2 264 2\n");
  // CR is text (here an unknown character, byte 13), and a second TAB belongs to the sentence.
  CHECK(tokenized(*tokenizer, "a\r\n") == "1 264 17 2\n");
  CHECK(tokenized(*tokenizer, "a\ta\tb\n") == "1 264 2 264 13 262 2\n");
  CHECK(tokenized(*tokenizer, "a a a\n", 4) == "1 264 264 2\n");
  CHECK_THROWS_AS(tokenized(*tokenizer, "a\ta\n", 3), UsageError);
}

TEST_CASE("tokenize: lines keep their order and survive block ends") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto tokenizer = load_tokenizer(folder.path());
  std::string text, expected;
  for (int i = 0; text.size() < (9u << 20); ++i) {
    // One line in the middle is longer than a block.
    const int words = i == 1000 ? 3 << 20 : i % 97;
    for (int word = 0; word < words; ++word) text += "a ";
    expected += "1 ";
    for (int word = 0; word < words; ++word) expected += "264 ";
    expected += "2\n";
    text += '\n';
  }
  CHECK((tokenized(*tokenizer, text) == expected));
}

TEST_CASE("tokenize: a max_length without room is wrong usage") {
  CHECK_THROWS_AS(tokenize_main({"nowhere", "", 2}), UsageError);
  CHECK_THROWS_AS(tokenize_main({"nowhere", "", 0}), UsageError);
  CHECK_THROWS_AS(tokenize_main({"nowhere", "", {}}), Error);
}

// SPDX-License-Identifier: Apache-2.0
