// JSON of foreign files: what is read, and that every refusal names the place.
#include "core/json.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/files.h"

using namespace soragrad;
using soragrad::test::message_of;
using soragrad::test::TemporaryFolder;

TEST_CASE("json: a byte order mark is skipped, duplicate keys and depth are refused") {
  CHECK(parse_json_object("\xEF\xBB\xBF{\"a\": 1}", "f")["a"] == 1);
  CHECK(message_of([] { parse_json("{\"b\": {\"a\": 1, \"a\": 2}}", "f"); }) ==
        "[f] the key \"a\" occurs twice.");
  CHECK(parse_json("[{\"a\": 1}, {\"a\": 2}]", "f").size() == 2);
  CHECK(message_of([] { parse_json(std::string(1'000'000, '['), "f"); }) ==
        "[f] nested deeper than 64.");
  CHECK(message_of([] { parse_json_object("[1]", "f"); }) ==
        "[f] holds a list; a JSON object is needed.");
}

TEST_CASE("json: what is not JSON is named by line and column, in our words") {
  CHECK(message_of([] { parse_json("{\n  \"a\": 1,\n  b: 2\n}", "f"); }) ==
        "[f] is not JSON from line 3, column 3 on: \"b: 2?}\".");
  CHECK(message_of([] { parse_json("{\"a\": 1", "f"); }) ==
        "[f] is not JSON from line 1, column 8 on: the text ends there.");
  CHECK(message_of([] { parse_json("{\"a\": 1e999}", "f"); }) ==
        "[f] a number is beyond the range of a 64-bit float.");
  const std::string huge = "{\"a\": \"" + std::string(1 << 20, 'x');
  CHECK(message_of([&] { parse_json(huge, "f"); }).size() < 200);
}

TEST_CASE("json: NaN and Infinity of Python's json are strings of that name") {
  const auto json = parse_json_object(
      "{\"a\": NaN, \"b\": [-Infinity, Infinity], \"c\": \"NaN \\\" Infinity\"}", "f");
  CHECK(json["a"] == "NaN");
  CHECK(json["b"][0] == "-Infinity");
  CHECK(json["c"] == "NaN \" Infinity");
  double number = 1;
  CHECK(message_of([&] { JsonReader(json, "f").read("a", number, 0, 10); }) ==
        "[f] \"a\" is \"NaN\"; it must be a number.");
}

TEST_CASE("json: files that stand in for others are named") {
  const TemporaryFolder folder;
  const std::string pointer = folder.write(
      "config.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n");
  CHECK(message_of([&] { read_json_object(pointer); }).find("Git LFS pointer") !=
        std::string::npos);
  const std::string page = folder.write("page.json", " <!DOCTYPE HTML><html></html>");
  CHECK(message_of([&] { read_json_object(page); }).find("web page") != std::string::npos);
}

// SPDX-License-Identifier: Apache-2.0
