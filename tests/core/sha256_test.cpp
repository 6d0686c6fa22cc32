#include "core/sha256.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;

// Examples of FIPS 180-4.
constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_CASE("sha256: the published examples, whole and in pieces") {
  CHECK(Sha256().hex() == kOfNothing);
  Sha256 whole, pieces;
  whole.update("abc");
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  CHECK(whole.hex() == kOfAbc);
  CHECK(pieces.hex() == kOfAbc);
}

TEST_CASE("sha256: a file of more than one chunk has the hash of its bytes") {
  const test::TemporaryFolder folder;
  const std::string bytes(3'000'001, 'x');
  Sha256 hash;
  hash.update(bytes);
  CHECK(sha256_of_file(folder.write("file", bytes)) == hash.hex());
  CHECK(sha256_of_file(folder.write("abc", "abc")) == kOfAbc);
}

TEST_CASE("sha256: a file that cannot be read is named") {
  const test::TemporaryFolder folder;
  const std::string missing = folder / "missing";
  CHECK(test::contains(test::message_of([&] { sha256_of_file(missing); }), missing));
  CHECK(test::contains(test::message_of([&] { sha256_of_file(folder.path()); }), "cannot be read"));
}

// SPDX-License-Identifier: Apache-2.0
