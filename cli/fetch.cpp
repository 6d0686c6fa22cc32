#include "cli/fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "cli/hub/glue_archives.h"
#include "cli/hub/hub.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "train/config/suggest.h"
#include "train/loop/progress.h"
#include "train/run/number_text.h"

namespace soragrad::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kRedrawSeconds = 0.2, kLineSeconds = 30;

// Bytes, speed and remaining time of one file on stderr: a line that rewrites itself on a terminal,
// else a plain line now and then.
class DownloadLine {
 public:
  explicit DownloadLine(std::string name) : name_(std::move(name)) {}
  ~DownloadLine() {
    if (drawn_) log_text("\r\x1b[K");
  }
  DownloadLine(const DownloadLine&) = delete;
  DownloadLine& operator=(const DownloadLine&) = delete;

  void show(int64_t done, int64_t total) {
    const Clock::time_point now = Clock::now();
    if (first_ < 0) first_ = done;
    const std::chrono::duration<double> since_print = now - printed_, elapsed = now - start_;
    if (since_print.count() < (terminal_ ? kRedrawSeconds : kLineSeconds)) return;
    printed_ = now;
    const double rate = static_cast<double>(done - first_) / std::max(elapsed.count(), 1e-3);
    std::string line = fmt::format("{}: {:.1f} MiB", name_, static_cast<double>(done) / kMiB);
    if (total > 0) line += fmt::format(" of {:.1f}", static_cast<double>(total) / kMiB);
    line += fmt::format(", {:.1f} MiB/s", rate / kMiB);
    if (total > 0 && rate > 0) {
      line +=
          fmt::format(", {} left", train::duration_text(static_cast<double>(total - done) / rate));
    }
    terminal_ ? log_text("\r\x1b[K" + line) : log_line(line);
    drawn_ = terminal_;
  }

 private:
  std::string name_;
  bool terminal_ = train::Progress::is_terminal();
  bool drawn_ = false;
  int64_t first_ = -1;  // bytes that an earlier call had left
  Clock::time_point start_ = Clock::now(), printed_ = start_;
};

// Before the first byte: a disk that cannot hold the files.
void check_space(const fs::path& folder, const HubListing& listing) {
  int64_t needed = 0;
  for (const HubFile& file : listing.files) {
    if (!fs::exists(folder / file.path)) needed += std::max<int64_t>(file.remote.bytes, 0);
  }
  const auto free = static_cast<int64_t>(fs::space(folder).available);
  require(needed <= free,
          "[fetch] --output {}: the files need {:.1f} MiB, and {:.1f} MiB are free there.",
          folder.string(), static_cast<double>(needed) / kMiB, static_cast<double>(free) / kMiB);
}

const char* proof_of(const RemoteFile& file) {
  return !file.sha256.empty() ? "SHA-256 checked" : file.bytes >= 0 ? "size checked" : "complete";
}

void print_file(const fs::path& path, const char* proof, bool was_there) {
  write_output(fmt::format("{}  {} bytes, {}{}\n", path.string(), fs::file_size(path), proof,
                           was_there ? ", was there" : ""));
}

void download(const RemoteFile& remote, const fs::path& path, const HttpOptions& options) {
  make_folders(path.parent_path());
  DownloadLine line(path.filename().string());
  http_download(remote, path, options,
                [&](int64_t done, int64_t total) { line.show(done, total); });
}

// GLUE's own TSV files. An archive goes when its files are there.
int fetch_archives(const FetchOptions& options, const Hub& hub, const fs::path& folder) {
  if (!options.revision.empty()) {
    throw UsageError(
        "[fetch] --revision belongs to a Hub; the archives of --format tsv have none.");
  }
  const std::vector<GlueArchive> archives = glue_archives(options.name);
  const std::string endpoint = glue_endpoint();
  HttpOptions http = hub.http;
  http.token.clear();  // it is the Hub's
  for (const GlueArchive& archive : archives) {
    const RemoteFile remote{fmt::format("{}/{}", endpoint, archive.source), archive.bytes,
                            std::string(archive.sha256)};
    if (!archive.is_zip()) {
      const fs::path path = folder / archive.target;
      const bool present = is_same_file(remote, path);
      if (!present) download(remote, path, http);
      print_file(path, proof_of(remote), present);
      continue;
    }
    std::vector<fs::path> files = unpacked_files(archive, folder);
    const bool present = !files.empty();
    if (!present) {
      const fs::path zip = folder / fs::path(archive.source).filename();
      download(remote, zip, http);
      files = unpack(archive, zip, folder);
      fs::remove(zip);
    }
    for (const fs::path& path : files) print_file(path, "from a checked archive", present);
  }
  return 0;
}

}  // namespace

int fetch_main(const FetchOptions& options) {
  if (options.kind != "model" && options.kind != "task") {
    throw UsageError(fmt::format("[fetch] {} is neither model nor task: soragrad fetch model NAME.",
                                 quote(options.kind)));
  }
  if (options.format != "parquet" && options.format != "tsv") {
    throw UsageError(
        fmt::format("[fetch] --format {} is neither parquet nor tsv.", quote(options.format)));
  }
  const bool is_tsv = options.format == "tsv";
  if (is_tsv && options.kind == "model") {
    throw UsageError("[fetch] --format belongs to a task; a model has one form.");
  }
  const Hub hub = hub_from_environment();
  const fs::path folder = options.output;
  make_folders(folder);
  if (is_tsv) return fetch_archives(options, hub, folder);

  const HubListing listing = options.kind == "model"
                                 ? list_model(hub, options.name, options.revision)
                                 : list_task(hub, options.name, options.revision);
  log_line(fmt::format("{} at {} from {}", listing.name, listing.revision, hub.endpoint));
  check_space(folder, listing);
  for (const HubFile& file : listing.files) {
    const fs::path path = folder / file.path;
    const bool present = is_same_file(file.remote, path);
    if (!present) download(file.remote, path, hub.http);
    print_file(path, proof_of(file.remote), present);
  }
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
