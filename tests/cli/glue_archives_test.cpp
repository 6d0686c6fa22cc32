// GLUE's own archives: what is unpacked, what is left alone, and what is refused.
#include "cli/hub/glue_archives.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <zip.h>

#include <filesystem>
#include <utility>

#include "cli/fetch.h"
#include "core/error.h"
#include "tests/cli/http_server.h"
#include "tests/files.h"

using namespace soragrad;
using soragrad::test::contains;
using soragrad::test::message_of;
using soragrad::test::read_text;
namespace fs = std::filesystem;

namespace {

const cli::GlueArchive kRte{"rte", "glue/data/RTE.zip", "RTE", -1, ""};

using Members = std::vector<std::pair<std::string, std::string>>;

std::string write_zip(const test::TemporaryFolder& folder, const Members& members) {
  const std::string path = folder / "RTE.zip";
  int code = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  REQUIRE(zip != nullptr);
  for (const auto& [name, bytes] : members) {
    zip_source_t* source = zip_source_buffer(zip, bytes.data(), bytes.size(), 0);
    REQUIRE(zip_file_add(zip, name.c_str(), source, ZIP_FL_ENC_UTF_8) >= 0);
  }
  REQUIRE(zip_close(zip) == 0);
  return path;
}

const Members kMembers{{"RTE/train.tsv", std::string(5000, 'x')},
                       {"RTE/dev.tsv", "index\n"},
                       {"RTE/original/big.jsonl", "no"},
                       {"RTE/.hidden.tsv", "no"},
                       {"RTE/../../evil.tsv", "no"},
                       {"../evil.tsv", "no"},
                       {"__MACOSX/RTE/train.tsv", "no"},
                       {"RTE/program.sh", "no"}};

size_t files_below(const fs::path& folder) {
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    count += entry.is_regular_file();
  }
  return count;
}

}  // namespace

TEST_CASE("glue_archives: the texts of the archive's folder are unpacked, nothing else") {
  const test::TemporaryFolder folder;
  const std::string zip = write_zip(folder, kMembers);
  const fs::path output = folder / "deep/glue";
  CHECK(cli::unpacked_files(kRte, output).empty());
  CHECK(cli::unpack(kRte, zip, output).size() == 2);
  CHECK(read_text(output / "RTE/train.tsv") == std::string(5000, 'x'));
  CHECK(read_text(output / "RTE/dev.tsv") == "index\n");
  CHECK(files_below(folder.path()) == 4);  // the archive, two texts, their record
}

TEST_CASE("glue_archives: what is there in its size is not fetched again") {
  const test::TemporaryFolder folder;
  const fs::path output = folder / "glue";
  cli::unpack(kRte, write_zip(folder, kMembers), output);
  CHECK(cli::unpacked_files(kRte, output).size() == 2);
  SUBCASE("a file is cut") {
    fs::resize_file(output / "RTE/train.tsv", 10);
  }
  SUBCASE("a file is gone") {
    fs::remove(output / "RTE/dev.tsv");
  }
  SUBCASE("the record names a file elsewhere") {
    folder.write("glue/RTE/.fetched.json",
                 R"({"archive": "glue/data/RTE.zip", "files": {"../../RTE.zip": 1}})");
  }
  SUBCASE("the record is no record") {
    folder.write("glue/RTE/.fetched.json", R"({"archive": "glue/data/RTE.zip", "files": [1]})");
  }
  CHECK(cli::unpacked_files(kRte, output).empty());
}

TEST_CASE("glue_archives: damaged archives and those without texts are refused") {
  const test::TemporaryFolder folder;
  const fs::path output = folder / "glue";
  CHECK(contains(message_of([&] {
                   cli::unpack(kRte, write_zip(folder, {{"QNLI/train.tsv", "x"}}), output);
                 }),
                 "holds no texts in a folder RTE"));
  CHECK(contains(message_of([&] { cli::unpack(kRte, folder.write("no.zip", "zip?"), output); }),
                 "no zip archive"));
  const std::string zip = write_zip(folder, {{"RTE/train.tsv", "abcdefgh"}});  // stored
  std::string bytes = read_text(zip);
  bytes[bytes.find("abcdefgh")] = 'X';
  CHECK(contains(message_of([&] { cli::unpack(kRte, folder.write("bad.zip", bytes), output); }),
                 "RTE/train.tsv is damaged"));
  CHECK_FALSE(fs::exists(output / "RTE/train.tsv"));
}

TEST_CASE("glue_archives: tasks have archives, unknown ones are wrong usage") {
  CHECK(cli::glue_archives("mrpc").size() == 3);
  CHECK(cli::glue_archives("glue").size() == 12);
  CHECK(contains(message_of([] { cli::glue_archives("rtee"); }), "tasks: glue, cola, sst2"));
  for (const cli::GlueArchive& archive : cli::glue_archives("glue")) {
    CHECK(archive.sha256.size() >= 8);
  }
}

TEST_CASE("glue_archives: an archive of another hash is refused, the Hub's token stays at home") {
  const test::HttpServer server([](const test::HttpRequest& request) {
    return test::file_response(request, "PK not the archive", "\"1\"");
  });
  ::setenv("GLUE_ENDPOINT", server.url().c_str(), 1);
  ::setenv("HF_TOKEN", "hf_secret", 1);
  ::unsetenv("http_proxy");
  ::unsetenv("HF_HUB_OFFLINE");
  const test::TemporaryFolder folder;
  const cli::FetchOptions options{"task", "rte", folder / "glue", "", "tsv"};
  CHECK(contains(message_of([&] { cli::fetch_main(options); }), "SHA-256"));
  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0].target == "/glue/data/RTE.zip");
  CHECK(server.requests()[0].header("Authorization") == "");
  CHECK(files_below(folder.path()) == 0);
  CHECK_THROWS_AS(cli::fetch_main({"task", "rte", folder / "glue", "main", "tsv"}), UsageError);
  CHECK_THROWS_AS(cli::fetch_main({"task", "rte", folder / "glue", "", "csv"}), UsageError);
  CHECK_THROWS_AS(cli::fetch_main({"model", "a/b", folder / "glue", "", "tsv"}), UsageError);
  ::unsetenv("GLUE_ENDPOINT");
  ::unsetenv("HF_TOKEN");
}

// SPDX-License-Identifier: Apache-2.0
