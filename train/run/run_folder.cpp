#include "train/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace soragrad::train {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kRunMark = "# soragrad run";
constexpr std::string_view kEvents = "events.out.tfevents.";
// Folders on their way in, out until the new one is in place, and out for good.
constexpr std::string_view kFresh = ".new-", kOld = ".old-", kGone = ".gone-";
constexpr std::string_view kOwnEvents = ".soragrad";  // how this program's event files end

// The files of a run but metrics, gates and event files, which grow.
constexpr std::string_view kOwnFiles[] = {"config.yaml", "results.json", "evaluation.json",
                                          "path.json",   "path.csv",     "path.html",
                                          "report.html", "split.json",   "fold_predictions.tsv"};

bool exists(const std::string& path) {
  std::error_code error;
  const fs::file_type type = fs::symlink_status(path, error).type();
  require(type != fs::file_type::none, "[{}] cannot be examined: {}.", shown(path),
          system_reason(error.value()));
  return type != fs::file_type::not_found;
}

// What a run that never began leaves: the temporary name that core/atomic_file.h gives config.yaml,
// a lease, and the note of a grid on why it failed.
bool is_unfinished(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("config.yaml.tmp.") || is_lease(name) || name.starts_with(kErrorFile);
}

bool is_own_event_file(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(kEvents) && name.ends_with(kOwnEvents);
}

bool is_earlier_result(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with("results-step-") && name.ends_with(".json");
}

bool is_own_temporary(const std::string& name) {
  return std::ranges::any_of(kOwnFiles, [&](std::string_view own) {
    return name.starts_with(std::string(own) + ".tmp.");
  });
}

bool is_own_temporary_file(const fs::path& file) {
  return is_own_temporary(file.filename().string());
}

// What a kill leaves of the work that it cut short: files of core/atomic_file.h and folders of
// publish(), in the run's folder and in those that hold published folders.
void remove_leftovers(const std::string& run) {
  for (const char* name : {"", "/checkpoints", "/phases"}) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(run + name, error)) {
      const std::string file = entry.path().filename().string();
      if (file.starts_with(kOld) && !exists(run + name + '/' + file.substr(kOld.size()))) {
        fs::rename(entry.path(), run + name + '/' + file.substr(kOld.size()), error);
      } else if (file.starts_with(kFresh) || file.starts_with(kOld) || file.starts_with(kGone) ||
                 is_own_temporary(file)) {
        paths.push_back(entry.path());
      }
    }
    for (const fs::path& path : paths) fs::remove_all(path, error);
  }
}

// Removes the files of a folder that a test picks.
void remove_files(const std::string& path, bool (*is_wanted)(const fs::path& file)) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (is_wanted(entry.path())) files.push_back(entry.path());
  }
  for (const fs::path& file : files) fs::remove(file);
}

void sync_path(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(fd >= 0, "[{}] cannot be opened: {}.", shown(path), system_reason(errno));
  const int status = ::fsync(fd);
  ::close(fd);
  require(status == 0, "[{}] cannot be synced to the disk: {}.", shown(path), system_reason(errno));
}

// Ours to delete: the entries of a run folder but config.yaml, which is replaced in one step, so
// that what a crash leaves is still known as a run.
void remove_run(const std::string& path) {
  // First and for good: a run with results counts as complete, whatever else is gone.
  if (fs::remove(path + "/results.json")) sync_path(path);
  for (const std::string_view name : kRunFolders) fs::remove_all(fmt::format("{}/{}", path, name));
  for (const char* name : {"metrics.jsonl", "gates.bin"}) fs::remove_all(path + "/" + name);
  for (const std::string_view name : kOwnFiles) {
    if (name != "config.yaml") fs::remove(fmt::format("{}/{}", path, name));
  }
  for (const auto is_ours : {is_own_temporary_file, is_own_event_file, is_earlier_result}) {
    remove_files(path, is_ours);
  }
}

template <typename Body>
auto reported(const std::string& path, Body body) {
  try {
    return body();
  } catch (const fs::filesystem_error& error) {
    fail("[{}] {}.", shown(path), system_reason(error.code().value()));
  }
}

// Gives two folders each other's name in one step; false if the file system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

void sync_folder(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) sync_path(entry.path().string());
  sync_path(folder.string());
}

// Replaces `target` by a folder that `write` fills: temporary name, sync, rename. A kill leaves the
// old folder or the new one; an error leaves the old one. `check` is called before each change.
void publish(const fs::path& target, const std::function<void(const std::string&)>& write,
             const std::function<void()>& check) {
  check();
  const fs::path parent = target.parent_path();
  const fs::path fresh = parent / (std::string(kFresh) + target.filename().string());
  const fs::path old = parent / (std::string(kOld) + target.filename().string());
  reported(target.string(), [&] {
    fs::remove_all(fresh);
    fs::remove_all(old);
    fs::create_directories(fresh);
  });
  try {
    write(fresh.string());
    reported(target.string(), [&] { sync_folder(fresh); });
    check();
  } catch (const RunIsLost&) {
    throw;  // the folder may be the other process's by now
  } catch (...) {
    check();
    std::error_code error;
    fs::remove_all(fresh, error);  // its space may be what is missing
    throw;
  }
  reported(target.string(), [&] {
    if (exists(target.string()) && !exchange(fresh, target)) fs::rename(target, old);
    if (!exists(target.string())) fs::rename(fresh, target);
    sync_path(parent.string());
    fs::remove_all(old);
    fs::remove_all(fresh);
  });
}

}  // namespace

std::string config_text(const Config& config, const std::vector<ChangedKey>& changes) {
  std::string text = fmt::format("{}: the effective configuration\n", kRunMark);
  for (const ChangedKey& change : changes) text += change_line(change);
  return text + to_yaml(config);
}

bool RunFolder::is_run(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path + "/config.yaml", error)) return false;
  std::ifstream file(path + "/config.yaml");
  std::string line;
  return std::getline(file, line) && line.starts_with(kRunMark);
}

bool RunFolder::is_busy(const std::string& path) {
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool busy = ::flock(folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(folder);
  const std::optional<LeaseHolder> holder = lease_holder(path);
  return holder ? !holder->is_stale : busy;
}

void RunFolder::check_free(const std::string& path, bool overwrite) {
  std::error_code error;
  if (!exists(path)) return;
  require(fs::is_directory(path, error), "[{}] exists and is no folder; choose another output=...",
          shown(path));
  if (is_run(path)) {
    require(overwrite,
            "[run] output {} holds a run already; overwrite=true replaces it, another output=... "
            "keeps it, --resume of this folder continues it.",
            path);
    return;
  }
  const fs::directory_iterator entries(path, error);
  require(!error && std::all_of(begin(entries), end(entries), is_unfinished),
          "[run] output {} is a folder that is no run and not empty; it is left alone. Choose "
          "another output=...",
          path);
}

RunFolder RunFolder::claim(const std::string& path) {
  reported(path, [&] { fs::create_directories(path); });
  RunFolder run(path);
  run.lock();
  return run;
}

void RunFolder::start(const Config& config) const {
  check_free(path_, config.overwrite);
  require_own();
  reported(path_, [&] { remove_run(path_); });
  write_config(config, {});
}

RunFolder RunFolder::create(const std::string& path, const Config& config) {
  check_free(path, config.overwrite);
  RunFolder run = claim(path);
  run.start(config);
  return run;
}

RunFolder RunFolder::open(const std::string& path, bool lock) {
  std::string folder = path;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  for (fs::path above = fs::path(folder).parent_path(); !is_run(folder) && !above.empty();
       above = above == above.parent_path() ? fs::path() : above.parent_path()) {
    require(!is_run(above.string()), "[{}] is a part of the run {}; give the run's folder.",
            shown(folder), shown(above.string()));
  }
  require(is_run(folder), "[{}] is no run folder: it has no config.yaml of a run.", shown(folder));
  RunFolder run(folder);
  if (!lock) return run;
  run.lock();
  remove_leftovers(folder);
  return run;
}

RunFolder RunFolder::observe(const std::string& path) {
  RunFolder run(path);
  run.writes_ = false;
  return run;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      lock_(std::exchange(other.lock_, -1)),
      writes_(other.writes_),
      lease_(std::move(other.lease_)) {}

RunFolder::~RunFolder() {
  lease_.reset();  // first: who gets the lock finds no lease
  if (lock_ >= 0) ::close(lock_);
}

void RunFolder::lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(lock_ >= 0, "[{}] cannot be opened: {}.", shown(path_), system_reason(errno));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    // A process that was stopped keeps its lock, but not its lease.
    const std::optional<LeaseHolder> holder = lease_holder(path_);
    if (!holder || !holder->is_stale) {
      throw RunIsTaken(fmt::format("[run] {} is being trained by another process{}.", shown(path_),
                                   holder ? ": " + holder->text() : ""));
    }
  }
  lease_ = std::make_unique<Lease>(path_);
}

void RunFolder::require_own() const {
  if (lease_) lease_->require_mine();
}

void RunFolder::write_file(const std::string& name, std::string_view bytes) const {
  if (!writes_) return;
  require_own();
  write_file_atomically(file(name), bytes);
}

std::string RunFolder::new_event_file(int64_t step) const {
  if (step == 0) {
    reported(path_, [&] { remove_files(path_, is_own_event_file); });
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const auto name = [&] { return fmt::format("{}{}{}", kEvents, seconds, kOwnEvents); };
  while (exists(file(name()))) ++seconds;
  return name();
}

int64_t RunFolder::own_event_bytes(const std::string& name, int64_t bytes) const {
  std::error_code error;
  if (name.empty() || !fs::is_regular_file(file(name), error)) return 0;
  return static_cast<int64_t>(fs::file_size(file(name), error)) >= bytes && !error ? bytes : 0;
}

void RunFolder::write_config(const Config& config, const std::vector<ChangedKey>& changes) const {
  write_file("config.yaml", config_text(config, changes));
}

std::string RunFolder::checkpoint(int64_t step) const {
  return file(fmt::format("checkpoints/step-{}", step));
}

std::vector<int64_t> RunFolder::checkpoints() const {
  std::vector<int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(file("checkpoints"), error)) {
    const std::string name = entry.path().filename().string();
    int64_t step = 0;
    if (!name.starts_with("step-")) continue;
    const auto [end, status] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
    if (status == std::errc() && end == name.data() + name.size()) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void RunFolder::add_checkpoint(int64_t step, int64_t limit,
                               const std::function<void(const std::string&)>& write) const {
  if (!writes_) return;
  publish(checkpoint(step), write, [&] { require_own(); });
  std::vector<int64_t> steps = checkpoints();
  for (; limit > 0 && static_cast<int64_t>(steps.size()) > limit; steps.erase(steps.begin())) {
    const std::string oldest = checkpoint(steps.front());
    const std::string gone = file(fmt::format("checkpoints/{}step-{}", kGone, steps.front()));
    reported(oldest, [&] {
      fs::rename(oldest, gone);
      fs::remove_all(gone);
    });
  }
}

void RunFolder::replace_folder(const std::string& name,
                               const std::function<void(const std::string&)>& write) const {
  if (!writes_) return;
  publish(file(name), write, [&] { require_own(); });
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
