#include "cli/fetch.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <map>

#include "cli/hub/hub.h"
#include "core/sha256.h"
#include "tests/cli/http_server.h"
#include "tests/files.h"

using namespace soragrad;
using test::contains;
using test::HttpRequest;
using test::HttpResponse;
using test::message_of;

namespace {

std::string sha256(const std::string& bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 23);
  return bytes;
}

const std::string kWeights = pattern(300'000);

// Sets an environment variable for one test case; null removes it.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Environment() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

// What a Hub serves of the model "owner/tiny".
HttpResponse hub(const HttpRequest& request) {
  static const std::map<std::string, std::string> kFiles = {
      {"config.json", R"({"model_type": "bert"})"},
      {"vocab.txt", "[PAD]\n"},
      {"model.safetensors", kWeights}};
  if (request.target == "/api/models/owner/tiny/revision/main?blobs=true") {
    return {200,
            {},
            fmt::format(R"({{"sha": "c0ffee", "siblings": [
      {{"rfilename": "config.json", "size": 22}}, {{"rfilename": "vocab.txt", "size": 6}},
      {{"rfilename": "../evil.txt", "size": 1}}, {{"rfilename": "pytorch_model.bin", "size": 9}},
      {{"rfilename": "model.safetensors", "size": {0},
        "lfs": {{"sha256": "{1}", "size": {0}}}}}]}})",
                        kWeights.size(), sha256(kWeights))};
  }
  const std::string prefix = "/owner/tiny/resolve/c0ffee/";
  if (request.target.starts_with(prefix)) {
    const auto file = kFiles.find(request.target.substr(prefix.size()));
    if (file != kFiles.end()) {
      return test::file_response(request, file->second, "\"" + sha256(file->second) + "\"");
    }
  }
  return {404, {}, "nothing here"};
}

cli::HttpOptions quick(int retries = 3) {
  cli::HttpOptions options;
  options.retries = retries;
  options.retry_seconds = 0.001;
  return options;
}

void no_progress(int64_t, int64_t) {}

}  // namespace

TEST_CASE("fetch: a model's config, tokenizer and first form of weights, once") {
  const test::HttpServer server(hub);
  const Environment endpoint("HF_ENDPOINT", server.url().c_str());
  const Environment proxy("http_proxy", nullptr), online("HF_HUB_OFFLINE", nullptr);
  const test::TemporaryFolder folder;
  const cli::FetchOptions options{"model", "owner/tiny", folder / "models/tiny", ""};
  CHECK(cli::fetch_main(options) == 0);
  CHECK(test::read_text(folder / "models/tiny/model.safetensors") == kWeights);
  CHECK(test::read_text(folder / "models/tiny/config.json") == R"({"model_type": "bert"})");
  CHECK(test::read_text(folder / "models/tiny/vocab.txt") == "[PAD]\n");
  size_t names = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    names += entry.is_regular_file();
  }
  CHECK(names == 3);  // no parts, nothing beside the folder, no second form of the weights
  const size_t requests = server.requests().size();
  CHECK(requests == 4);
  CHECK(cli::fetch_main(options) == 0);
  CHECK(server.requests().size() == requests + 1);  // the listing alone
}

TEST_CASE("fetch: a connection that breaks is continued where it broke") {
  int calls = 0;
  const test::HttpServer server([&](const HttpRequest& request) {
    HttpResponse response = test::file_response(request, kWeights, "\"v1\"");
    if (++calls <= 2) response.cut = 100'000;
    return response;
  });
  const Environment proxy("http_proxy", nullptr);
  const test::TemporaryFolder folder;
  const std::string path = folder / "file";
  const cli::RemoteFile file{server.url() + "/file", static_cast<int64_t>(kWeights.size()),
                             sha256(kWeights)};
  cli::http_download(file, path, quick(), no_progress);
  CHECK(test::read_text(path) == kWeights);
  const std::vector<HttpRequest> requests = server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].header("Range") == "");
  CHECK(requests[1].header("Range") == "bytes=100000-");
  CHECK(requests[2].header("Range") == "bytes=200000-");
  CHECK(!std::filesystem::exists(path + ".part"));
  CHECK(!std::filesystem::exists(path + ".part.etag"));
}

TEST_CASE("fetch: a later call continues the part, unless the file has changed") {
  bool breaks = true;
  std::string bytes = kWeights, etag = "\"v1\"";
  const test::HttpServer server([&](const HttpRequest& request) {
    HttpResponse response = test::file_response(request, bytes, etag);
    if (breaks) response.cut = 1000;
    return response;
  });
  const Environment proxy("http_proxy", nullptr);
  const test::TemporaryFolder folder;
  const std::string path = folder / "file";
  const cli::RemoteFile file{server.url() + "/file", -1, ""};
  const std::string message =
      message_of([&] { cli::http_download(file, path, quick(0), no_progress); });
  CHECK(contains(message, "1000 bytes are there"));
  CHECK(contains(message, "continues"));
  CHECK(!std::filesystem::exists(path));
  breaks = false;
  SUBCASE("the same file") {}
  SUBCASE("another file of this name") {
    bytes = pattern(5000) + "changed";
    etag = "\"v2\"";
  }
  cli::http_download(file, path, quick(0), no_progress);
  CHECK(test::read_text(path) == bytes);
  CHECK(server.requests().back().header("Range") == "bytes=1000-");
}

TEST_CASE("fetch: a file of another size or hash is refused and leaves nothing") {
  const test::HttpServer server(
      [&](const HttpRequest& request) { return test::file_response(request, kWeights, "\"v1\""); });
  const Environment proxy("http_proxy", nullptr);
  const test::TemporaryFolder folder;
  const std::string path = folder / "file";
  const auto bytes = static_cast<int64_t>(kWeights.size());
  cli::RemoteFile file{server.url() + "/file", bytes, ""};
  std::string wanted;
  SUBCASE("too short") {
    file.bytes = bytes + 1;
    wanted = fmt::format("{} bytes arrived, {} were promised", bytes, bytes + 1);
  }
  SUBCASE("too long") {
    file.bytes = bytes - 1;
    wanted = fmt::format("more bytes arrived than the {}", bytes - 1);
  }
  SUBCASE("another hash") {
    file.sha256 = std::string(64, '0');
    wanted = "its SHA-256 is " + sha256(kWeights);
  }
  CHECK(
      contains(message_of([&] { cli::http_download(file, path, quick(0), no_progress); }), wanted));
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("fetch: a redirect is followed, and another host never sees the token") {
  const test::HttpServer store(
      [&](const HttpRequest& request) { return test::file_response(request, kWeights, "\"v1\""); });
  const test::HttpServer server([&](const HttpRequest&) {
    return HttpResponse{302, {"Location: " + store.url() + "/blob"}, ""};
  });
  const Environment proxy("http_proxy", nullptr);
  const test::TemporaryFolder folder;
  const std::string path = folder / "file";
  cli::HttpOptions options = quick();
  options.token = "hf_secret";
  cli::http_download({server.url() + "/file", -1, sha256(kWeights)}, path, options, no_progress);
  CHECK(test::read_text(path) == kWeights);
  CHECK(server.requests()[0].header("Authorization") == "Bearer hf_secret");
  CHECK(store.requests()[0].header("Authorization") == "");
}

TEST_CASE("fetch: refusals tell what to do") {
  int status = 404;
  const test::HttpServer server([&](const HttpRequest&) { return HttpResponse{status, {}, "x"}; });
  const Environment proxy("http_proxy", nullptr);
  cli::Hub hub{server.url(), quick(1)};
  const auto message = [&] {
    return message_of([&] { cli::list_model(hub, "owner/gated", "v2"); });
  };
  CHECK(contains(message(), "has no owner/gated at revision v2"));
  status = 401;
  CHECK(contains(message(), "set HF_TOKEN"));
  hub.http.token = "hf_old";
  CHECK(contains(message(), "refuses the token of HF_TOKEN"));
  status = 500;
  const size_t before = server.requests().size();
  CHECK(contains(message(), "answered 500"));
  CHECK(server.requests().size() == before + 2);  // a server's own fault is tried again
}

TEST_CASE("fetch: names that lead elsewhere are wrong usage") {
  const cli::Hub hub{"http://127.0.0.1:1", quick(0)};
  for (const char* name :
       {"../etc", "a/../b", "/etc/passwd", "a/b/c", "", "a b", ".hidden", "a\\b"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(cli::list_model(hub, name, ""), UsageError);
  }
  CHECK_THROWS_AS(cli::list_model(hub, "owner/tiny", "../x"), UsageError);
  CHECK(contains(message_of([&] { cli::list_task(hub, "cloa", ""); }), "rte, sst2"));
}

TEST_CASE("fetch: a proxy is used, an offline environment refuses") {
  const test::HttpServer proxy_server(hub);
  const Environment proxy("http_proxy", proxy_server.url().c_str());
  const Environment no_proxy("no_proxy", nullptr), no_proxy_upper("NO_PROXY", nullptr);
  const cli::Hub far{"http://hub.invalid", quick(0)};
  message_of([&] { cli::list_model(far, "owner/tiny", ""); });
  REQUIRE(proxy_server.requests().size() == 1);
  CHECK(proxy_server.requests()[0].target.starts_with("http://hub.invalid/api/models/owner/tiny"));

  const Environment offline("HF_HUB_OFFLINE", "1");
  CHECK_THROWS_AS(cli::hub_from_environment(), UsageError);
  CHECK_THROWS_AS(cli::fetch_main({"model", "owner/tiny", "unused", ""}), UsageError);
}

TEST_CASE("fetch: the GLUE files have pinned hashes, another revision its own") {
  const test::HttpServer server([&](const HttpRequest& request) {
    if (request.target == "/api/datasets/nyu-mll/glue/revision/v2?blobs=true") {
      return HttpResponse{200, {}, R"({"sha": "abc", "siblings": [
        {"rfilename": "rte/train-00000-of-00001.parquet", "size": 4},
        {"rfilename": "rte/validation-00000-of-00001.parquet", "size": 5},
        {"rfilename": "rte/test-00000-of-00001.parquet", "size": 6}]})"};
    }
    return HttpResponse{200, {}, "not the file"};
  });
  const Environment proxy("http_proxy", nullptr);
  const cli::Hub hub{server.url(), quick(0)};
  const cli::HubListing pinned = cli::list_task(hub, "rte", "");
  REQUIRE(pinned.files.size() == 3);
  CHECK(server.requests().empty());
  for (const cli::HubFile& file : pinned.files) CHECK(file.remote.sha256.size() == 64);
  const test::TemporaryFolder folder;
  CHECK(contains(message_of([&] {
                   cli::http_download(pinned.files[0].remote, folder / "x", hub.http, no_progress);
                 }),
                 "bytes arrived"));
  const cli::HubListing other = cli::list_task(hub, "rte", "v2");
  CHECK(other.files[0].remote.url ==
        server.url() + "/datasets/nyu-mll/glue/resolve/abc/" + other.files[0].path);
  CHECK(other.files[0].remote.sha256.empty());
  CHECK(cli::list_task(hub, "glue", "").files.size() > 20);
}

// SPDX-License-Identifier: Apache-2.0
