#include "cli/hub/http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <string_view>
#include <thread>

#include "core/file.h"
#include "core/sha256.h"
#include "core/text.h"

namespace soragrad::cli {
namespace {

namespace fs = std::filesystem;

constexpr long kMaxRedirects = 5;
constexpr long kConnectSeconds = 30;
constexpr int kOk = 200, kPartial = 206, kRangeNotSatisfiable = 416;

// One transfer: its curl handle, headers and what the answer's head told.
class Transfer {
 public:
  Transfer(const std::string& url, const HttpOptions& options) : curl_(curl_easy_init()) {
    require(curl_ != nullptr, "[fetch] libcurl cannot start a transfer: out of memory?");
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    // A page that came encrypted never leads to one that does not.
    set(CURLOPT_PROTOCOLS_STR, "https,http");
    set(CURLOPT_REDIR_PROTOCOLS_STR, url.starts_with("https:") ? "https" : "https,http");
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(options.stalled_seconds)));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_USERAGENT, "soragrad");
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    // curl drops this header where a redirect leads to another host or port.
    if (!options.token.empty()) add_header("Authorization: Bearer " + options.token);
  }
  ~Transfer() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(curl_);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void add_header(const std::string& header) {
    headers_ = curl_slist_append(headers_, header.c_str());
  }

  // Runs the transfer. `body` receives the bytes of an answer of status 200 or 206 and returns
  // whether it wants more. -> curl's code.
  CURLcode run(std::function<bool(int status, std::string_view bytes)> body) {
    body_ = std::move(body);
    set(CURLOPT_HTTPHEADER, headers_);
    const CURLcode code = curl_easy_perform(curl_);
    if (thrown_) std::rethrow_exception(thrown_);
    return code;
  }

  int status() const {
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  const std::string& etag() const { return etag_; }
  std::string error(CURLcode code) const {
    return *error_ ? std::string(error_) : std::string(curl_easy_strerror(code));
  }

 private:
  template <typename Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(curl_, option, value);
    require(code == CURLE_OK, "[fetch] libcurl refuses an option: {}.", curl_easy_strerror(code));
  }

  static size_t on_header(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) transfer.etag_.clear();  // of the next answer after a redirect
    constexpr std::string_view kName = "etag:";
    if (ascii_lower(line.substr(0, kName.size())) == kName) {
      line.remove_prefix(kName.size());
      while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
      transfer.etag_ = line;
    }
    return size * count;
  }
  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const int status = transfer.status();
    if (status != kOk && status != kPartial) return size * count;  // an error page: not kept
    try {
      return transfer.body_(status, {data, size * count}) ? size * count : 0;
    } catch (...) {  // no exception may pass through curl, which is C
      transfer.thrown_ = std::current_exception();
      return 0;
    }
  }

  CURL* curl_;
  curl_slist* headers_ = nullptr;
  char error_[CURL_ERROR_SIZE] = "";
  std::string etag_;
  std::function<bool(int, std::string_view)> body_;
  std::exception_ptr thrown_;  // by body_
};

// Errors of the network that another try may not meet.
bool is_transient(CURLcode code) {
  switch (code) {
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

bool is_transient(int status) {
  return status == 429 || status >= 500;
}

void wait_before_retry(const HttpOptions& options, int attempt) {
  std::this_thread::sleep_for(
      std::chrono::duration<double>(options.retry_seconds * static_cast<double>(1 << attempt)));
}

[[noreturn]] void fail_status(const std::string& url, int status) {
  throw HttpError(status, fmt::format("[fetch] {}: the server answered {}.", url, status));
}

// The growing PATH.part with the ETag that its bytes belong to.
class PartFile {
 public:
  explicit PartFile(const fs::path& path)
      : path_(path.string() + ".part"), etag_path_(path_ + ".etag") {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    check(fd_ >= 0, "cannot open for writing");
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      fail("[fetch] {}: another process is downloading this file.", path_);
    }
    if (fs::exists(etag_path_)) etag_ = read_file(etag_path_, 4096);
    size_ = ::lseek(fd_, 0, SEEK_END);
    if (etag_.empty()) restart("");  // bytes of an unknown file
  }
  ~PartFile() { ::close(fd_); }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  int64_t size() const { return size_; }
  const std::string& etag() const { return etag_; }

  // Drops all bytes; those to come belong to `etag` (empty: cannot be continued).
  void restart(const std::string& etag) {
    check(::ftruncate(fd_, 0) == 0 && ::lseek(fd_, 0, SEEK_SET) == 0, "cannot empty");
    size_ = 0;
    etag_ = etag;
    std::error_code ignored;
    fs::remove(etag_path_, ignored);
    if (!etag.empty()) write_file_atomically(etag_path_, etag);
  }
  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      check(written >= 0, "cannot write");
      bytes.remove_prefix(static_cast<size_t>(written));
      size_ += written;
    }
  }
  void remove() {
    std::error_code ignored;
    fs::remove(path_, ignored);
    fs::remove(etag_path_, ignored);
  }
  void rename_to(const fs::path& path) {
    check(::fsync(fd_) == 0, "cannot sync");
    fs::rename(path_, path);
    std::error_code ignored;
    fs::remove(etag_path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  void check(bool condition, const char* what) const {
    require(condition, "[file] {}: {}: {}.", path_, what, std::strerror(errno));
  }

  std::string path_, etag_path_, etag_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// Throws, and removes the part, if it is not the file that was promised.
void check_complete(const RemoteFile& file, PartFile& part) {
  if (file.bytes >= 0 && part.size() != file.bytes) {
    const int64_t size = part.size();
    part.remove();
    fail("[fetch] {}: {} bytes arrived, {} were promised. Fetch it again.", file.url, size,
         file.bytes);
  }
  if (file.sha256.empty()) return;
  const std::string hash = sha256_of_file(part.path());
  if (!hash.starts_with(file.sha256)) {
    part.remove();
    fail(
        "[fetch] {}: its SHA-256 is {}, not {}. The file was removed: fetch it again, or from "
        "another endpoint.",
        file.url, hash, file.sha256);
  }
}

// One connection: continues the part if the server has the same file still. -> whether all bytes
// are there; false asks for another try.
bool try_download(const RemoteFile& file, PartFile& part, const HttpOptions& options,
                  const DownloadProgress& progress, std::string& problem) {
  if (file.bytes >= 0 && part.size() == file.bytes) return true;
  Transfer transfer(file.url, options);
  const int64_t begin = part.size();
  if (begin > 0) {
    transfer.add_header(fmt::format("Range: bytes={}-", begin));
    transfer.add_header("If-Range: " + part.etag());
  }
  bool first = true;
  const CURLcode code = transfer.run([&](int status, std::string_view bytes) {
    const bool continues = status == kPartial && transfer.etag() == part.etag();
    if (first && !continues) {
      part.restart(transfer.etag());
      if (status == kPartial) return false;  // a piece of another file
    }
    first = false;
    if (file.bytes >= 0 && part.size() + static_cast<int64_t>(bytes.size()) > file.bytes) {
      fail("[fetch] {}: more bytes arrived than the {} that were promised.", file.url, file.bytes);
    }
    part.append(bytes);
    progress(part.size(), file.bytes);
    return true;
  });
  const int status = transfer.status();
  problem = code == CURLE_OK ? fmt::format("the server answered {}", status) : transfer.error(code);
  if (status == kRangeNotSatisfiable) {
    part.restart("");
    return false;
  }
  if (code == CURLE_OK && (status == kOk || status == kPartial)) {
    if (first && status == kOk) part.restart("");  // an empty file
    return true;
  }
  if (code == CURLE_OK && is_transient(status)) return false;
  if (code == CURLE_OK) fail_status(file.url, status);
  if (is_transient(code) || code == CURLE_WRITE_ERROR) return false;
  throw HttpError(0, fmt::format("[fetch] {}: {}.", file.url, problem));
}

}  // namespace

std::string http_get(const std::string& url, const HttpOptions& options, int64_t max_bytes) {
  for (int attempt = 0;; ++attempt) {
    Transfer transfer(url, options);
    std::string body;
    bool too_large = false;
    const CURLcode code = transfer.run([&](int, std::string_view bytes) {
      too_large = static_cast<int64_t>(body.size() + bytes.size()) > max_bytes;
      if (!too_large) body += bytes;
      return !too_large;
    });
    require(!too_large, "[fetch] {}: the answer is longer than {} bytes.", url, max_bytes);
    if (code == CURLE_OK && transfer.status() == kOk) return body;
    const bool again = code == CURLE_OK ? is_transient(transfer.status()) : is_transient(code);
    if (again && attempt < options.retries) {
      wait_before_retry(options, attempt);
      continue;
    }
    if (code == CURLE_OK) fail_status(url, transfer.status());
    throw HttpError(0, fmt::format("[fetch] {}: {}.", url, transfer.error(code)));
  }
}

bool is_same_file(const RemoteFile& file, const fs::path& path) {
  if (file.bytes < 0 && file.sha256.empty()) return false;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  if (file.bytes >= 0 && static_cast<int64_t>(fs::file_size(path)) != file.bytes) return false;
  return file.sha256.empty() || sha256_of_file(path).starts_with(file.sha256);
}

void http_download(const RemoteFile& file, const fs::path& path, const HttpOptions& options,
                   const DownloadProgress& progress) {
  PartFile part(path);
  std::string problem;
  int attempt = 0;
  while (true) {
    const int64_t before = part.size();
    if (try_download(file, part, options, progress, problem)) break;
    if (part.size() > before) attempt = 0;  // it goes forward
    if (attempt == options.retries) {
      throw HttpError(0, fmt::format("[fetch] {}: {}, {} bytes are there. The same command "
                                     "continues.",
                                     file.url, problem, part.size()));
    }
    wait_before_retry(options, attempt++);
  }
  check_complete(file, part);
  part.rename_to(path);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
