// Output paths are refused before the work, with the reason, and nothing is changed.
#include "core/output_path.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::test;
namespace fs = std::filesystem;

TEST_CASE("output_path: files in folders that exist, devices and pipes are taken") {
  const TemporaryFolder folder;
  require_output_file(folder / "new.tsv");
  require_output_file(folder.write("old.tsv", "x"));
  require_output_file("/dev/null");
  CHECK(read_text(folder / "old.tsv") == "x");
  CHECK_FALSE(fs::exists(folder / "new.tsv"));
}

TEST_CASE("output_path: a file that cannot be written is refused with the reason") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& path) {
    return message_of([&] { require_output_file(path); });
  };
  CHECK(contains(refusal(folder.path()), "is a folder"));
  CHECK(contains(refusal(folder / "no/p.tsv"), "there is no folder"));
  folder.write("file", "x");
  CHECK(contains(refusal(folder / "file/p.tsv"), "Not a directory"));
  CHECK(contains(refusal(folder / std::string(300, 'a')), "too long"));
  CHECK(contains(refusal(""), "empty"));
  CHECK(contains(refusal("-"), "/dev/stdout"));
}

TEST_CASE("output_path: a folder may lack the folders above it, but not below a file") {
  const TemporaryFolder folder;
  require_output_folder(folder / "a/b/c/");
  require_output_folder(folder.path());
  require_output_folder("relative/new");
  CHECK_FALSE(fs::exists(folder / "a"));
  folder.write("file", "x");
  CHECK(contains(message_of([&] { require_output_folder(folder / "file"); }), "is no folder"));
  CHECK_THROWS_AS(require_output_folder(folder / "file/a"), Error);
}

// SPDX-License-Identifier: Apache-2.0
