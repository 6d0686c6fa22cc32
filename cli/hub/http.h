// HTTP downloads by libcurl: resumable, verified, complete or absent. Only `soragrad fetch` uses
// them; no other verb opens a connection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"

namespace soragrad::cli {

// An answer that is not a success, with its status: 401, 404, ...; 0 if no answer came.
class HttpError : public Error {
 public:
  HttpError(int status, const std::string& message) : Error(message), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

struct HttpOptions {
  std::string token;            // sent as "Authorization: Bearer TOKEN" to the first host alone
  int retries = 5;              // after a connection that broke
  double retry_seconds = 1;     // before the first retry; doubled each time
  double stalled_seconds = 60;  // without a byte: the connection counts as broken
};

// The body of an answer, for small texts. Throws HttpError for another status than 200, and Error
// if the body exceeds max_bytes.
std::string http_get(const std::string& url, const HttpOptions& options,
                     int64_t max_bytes = int64_t{16} << 20);

// What is known of a file before it is downloaded.
struct RemoteFile {
  std::string url;
  int64_t bytes = -1;  // below 0: not known
  std::string sha256;  // 64 hexadecimal digits, or the first of them; empty: not known
};

// Called with the bytes that are there and the bytes in all (below 0: not known).
using DownloadProgress = std::function<void(int64_t done, int64_t total)>;

// Downloads into `path`, whose folder must exist. Bytes gather in PATH.part; an interrupted call is
// continued by the next one if the server still has the same file (its ETag is kept in
// PATH.part.etag). The file is checked against size and hash, synced and renamed; a file that fails
// a check is removed. Throws HttpError or Error with what to do.
void http_download(const RemoteFile& file, const std::filesystem::path& path,
                   const HttpOptions& options, const DownloadProgress& progress);

// Whether a file at `path` is the remote one as far as size and hash tell; false if neither is
// known.
bool is_same_file(const RemoteFile& file, const std::filesystem::path& path);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
