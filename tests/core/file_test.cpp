// Whole files in and out: what comes back, what is refused, and that a failed write leaves nothing.
#include "core/file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <string>

#include "core/error.h"
#include "tests/files.h"

namespace fs = std::filesystem;
using soragrad::Error;
using soragrad::read_file;
using soragrad::write_file_atomically;
using soragrad::test::TemporaryFolder;

namespace {

size_t files_in(const TemporaryFolder& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("file: bytes come back as they were written, whatever they are") {
  const TemporaryFolder folder;
  std::string bytes(100001, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  write_file_atomically(folder / "a", bytes);
  CHECK(read_file(folder / "a") == bytes);
  write_file_atomically(folder / "a", "");
  CHECK(read_file(folder / "a").empty());
  CHECK(files_in(folder) == 1);
}

TEST_CASE("file: more than max_bytes is refused, exactly max_bytes is not") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "12345");
  CHECK(read_file(folder / "a", 5) == "12345");
  CHECK_THROWS_WITH_AS(
      read_file(folder / "a", 4),
      ("[" + (folder / "a").string() + "] has 5 bytes; at most 4 are read.").c_str(), Error);
}

TEST_CASE("file: missing files, folders and devices are errors that name the path") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(
      read_file(folder / "none"),
      ("[" + (folder / "none").string() + "] cannot be opened: No such file or directory.").c_str(),
      Error);
  CHECK_THROWS_AS(read_file(folder.path()), Error);
  CHECK_THROWS_AS(read_file("/dev/zero"), Error);
  CHECK_THROWS_AS(write_file_atomically(folder.path(), "x"), Error);
  CHECK_THROWS_AS(write_file_atomically(folder / "no/such/folder", "x"), Error);
  CHECK(files_in(folder) == 0);
}

TEST_CASE("file: a pipe is read to its end, and one without a writer does not hang") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(read_file(folder / "pipe").empty());
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "hello", 5) == 5);
  ::close(ends[1]);
  CHECK(read_file("/dev/fd/" + std::to_string(ends[0])) == "hello");
  ::close(ends[0]);
}

TEST_CASE("file: writing through a symbolic link keeps the link") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file_atomically(folder / "link", "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "target") == "new");
  CHECK(files_in(folder) == 2);
}

// SPDX-License-Identifier: Apache-2.0
