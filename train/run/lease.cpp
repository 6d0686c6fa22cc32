#include "train/run/lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <system_error>
#include <vector>

#include "core/file.h"
#include "core/host_name.h"
#include "core/json.h"
#include "core/text.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kPrefix = "lease-", kEnding = ".json";
constexpr int64_t kMaxLeaseBytes = 4096;
// Beats that may be late before the holder asks whether it still holds: below kMissedBeats.
constexpr double kLateBeats = 2.5;

std::atomic<double> beat_seconds{kBeatSeconds};

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double clock_seconds() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return seconds_of(time);
}

// N of "lease-N.json"; 0 for other names.
int64_t generation_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kEnding)) return 0;
  const char* begin = name.data() + kPrefix.size();
  const char* end = name.data() + name.size() - kEnding.size();
  int64_t generation = 0;
  const auto [last, status] = std::from_chars(begin, std::max(begin, end), generation);
  return status == std::errc() && last == end && generation > 0 ? generation : 0;
}

int64_t newest_generation(const std::string& folder) {
  int64_t newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    newest = std::max(newest, generation_of(entry.path().filename().string()));
  }
  return newest;
}

// Where process numbers mean the same processes: this boot of the machine and this container. Empty
// if the system does not tell.
std::string process_space() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  char link[64] = {};
  if (boot.empty() || ::readlink("/proc/self/ns/pid", link, sizeof link - 1) <= 0) return "";
  return boot + " " + link;
}

// When the process was started, in ticks since the boot (field 22 of its stat file, counted after
// the name in parentheses, which may hold spaces); 0 if it is not there, or has ended and waits for
// its parent.
int64_t start_ticks(int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(file, text)) return 0;
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string state, skipped;
  fields >> state;
  if (state == "Z" || state == "X") return 0;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  int64_t ticks = 0;
  return fields >> ticks ? ticks : 0;
}

std::string own_text(double period) {
  std::random_device random;
  return json_text(json{{"host", host_name()},
                        {"pid", ::getpid()},
                        {"space", process_space()},
                        {"started", start_ticks(::getpid())},
                        {"period", period},
                        {"token", fmt::format("{:08x}{:08x}", random(), random())}}) +
         "\n";
}

// The time of the file system that holds the folder: that of a file made now. A folder that cannot
// be written to has this machine's time.
double file_system_time(const std::string& folder) {
  const std::string probe = fmt::format("{}/.now.tmp.{}", folder, ::getpid());
  const Descriptor file = open_file(probe, O_WRONLY | O_CREAT);
  struct stat status {};
  const bool known =
      file && ::futimens(file.get(), nullptr) == 0 && ::fstat(file.get(), &status) == 0;
  if (file) ::unlink(probe.c_str());
  if (known) return seconds_of(status.st_mtim);
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return seconds_of(now);
}

// Whether the process that wrote the lease has certainly ended.
bool has_ended(const json& lease) {
  const std::string space = process_space();
  if (space.empty() || lease.value("space", "") != space ||
      lease.value("host", "") != host_name()) {
    return false;
  }
  const int64_t pid = lease.value("pid", int64_t{0}), started = lease.value("started", int64_t{0});
  if (pid <= 0 || started <= 0) return false;
  if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return true;
  const int64_t now = start_ticks(pid);
  if (now == 0) return path_exists("/proc/" + std::to_string(pid) + "/stat");
  return now != started;
}

}  // namespace

std::string LeaseHolder::text() const {
  return fmt::format("{}, pid {}, last sign of life {:.0f} s ago", shown(host), pid,
                     std::max(age, 0.0));
}

std::optional<LeaseHolder> lease_holder(const std::string& folder) {
  LeaseHolder holder;
  holder.generation = newest_generation(folder);
  if (holder.generation == 0) return std::nullopt;
  const std::string path = fmt::format("{}/{}{}{}", folder, kPrefix, holder.generation, kEnding);
  const Descriptor file = open_file(path, O_RDONLY);  // opening asks a network file system anew
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return std::nullopt;  // just given back
  holder.beat = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  holder.age = file_system_time(folder) - seconds_of(status.st_mtim);
  holder.host = "?";
  holder.period = kBeatSeconds;
  bool ended = false;
  try {
    const json lease = parse_json_object(read_file(path, kMaxLeaseBytes), path);
    holder.host = lease.value("host", "?");
    holder.pid = lease.value("pid", int64_t{0});
    holder.period = std::clamp(lease.value("period", kBeatSeconds), 0.01, 3600.0);
    ended = has_ended(lease);
  } catch (const std::exception&) {
    // Just being written, or damaged: it counts until it is stale by its age.
  }
  holder.is_stale = ended || holder.age > kMissedBeats * holder.period;
  return holder;
}

bool is_lease(const std::string& file_name) {
  return generation_of(file_name) > 0 || file_name.starts_with(".now.tmp.");
}

void set_beat_seconds(double seconds) {
  beat_seconds = seconds;
}

Lease::Lease(std::string folder)
    : folder_(std::move(folder)), period_(beat_seconds), text_(own_text(period_)) {
  constexpr int kAttempts = 20;  // against others that take and give back at the same time
  for (int attempt = 0; attempt < kAttempts && !file_; ++attempt) {
    const std::optional<LeaseHolder> holder = lease_holder(folder_);
    if (holder && !holder->is_stale) {
      throw RunIsTaken(fmt::format("[run] {} is being trained by another process: {}.",
                                   shown(folder_), holder->text()));
    }
    const int64_t generation = (holder ? holder->generation : 0) + 1;
    if (!make(generation)) continue;
    // A network file system may have shown an old list: a newer lease wins.
    if (newest_generation(folder_) > generation) {
      ::unlink(file(generation).c_str());
      file_.close();
    }
  }
  if (!file_) {
    throw RunIsTaken(fmt::format("[run] {} is being trained by another process.", shown(folder_)));
  }
  remove_older();
  // Signals are for the thread that trains.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { keep_alive(); });
  } catch (const std::system_error&) {
    // No more threads: require_mine() beats.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Lease::~Lease() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  try {
    if (!is_lost_ && is_mine()) ::unlink(file(generation_).c_str());
  } catch (const std::exception&) {
    // It stays and becomes stale.
  }
}

std::string Lease::file(int64_t generation) const {
  return fmt::format("{}/{}{}{}", folder_, kPrefix, generation, kEnding);
}

bool Lease::make(int64_t generation) {
  Descriptor made = open_file(file(generation), O_WRONLY | O_CREAT | O_EXCL);
  if (!made && errno == EEXIST) return false;
  const auto bytes = std::as_bytes(std::span(text_.data(), text_.size()));
  if (!made || !write_all(made.get(), bytes) || ::fsync(made.get()) != 0) {
    const int error = errno;
    if (made) ::unlink(file(generation).c_str());
    fail("[{}] cannot be written: {}.", shown(file(generation)), system_reason(error));
  }
  file_ = std::move(made);
  generation_ = generation;
  beat_at_ = clock_seconds();
  return true;
}

bool Lease::is_mine() const {
  if (!path_exists(file(generation_))) return false;
  return read_file(file(generation_), kMaxLeaseBytes) == text_;
}

void Lease::renew() {
  const int64_t before = generation_;
  if (!is_mine() || !make(before + 1)) {
    is_lost_ = true;
    return;
  }
  ::unlink(file(before).c_str());
}

void Lease::require_mine() {
  const std::lock_guard lock(mutex_);
  // Early enough that the thread is seldom forestalled; without a thread these are the beats.
  if (!is_lost_ && clock_seconds() - beat_at_ > 1.5 * period_) beat();
  if (!is_lost_) return;
  const std::optional<LeaseHolder> holder = lease_holder(folder_);
  throw RunIsLost(
      fmt::format("[run] {} was taken over {}; this process stood still and ends without writing.",
                  shown(folder_),
                  holder ? fmt::format("by {}, pid {}", shown(holder->host), holder->pid)
                         : std::string("by another process")));
}

void Lease::beat() {
  const double now = clock_seconds();
  if (now - beat_at_ > kLateBeats * period_) return renew();
  is_lost_ = !is_mine();
  if (!is_lost_ && ::futimens(file_.get(), nullptr) == 0) beat_at_ = now;
}

void Lease::keep_alive() {
  std::unique_lock lock(mutex_);
  const std::chrono::duration<double> period(period_);
  while (!wake_.wait_for(lock, period, [&] { return is_over_; })) {
    if (is_lost_) return;
    try {
      beat();
    } catch (const std::exception&) {
      // The file system does not answer: the gap grows, and require_mine() asks again.
    }
  }
}

void Lease::remove_older() const {
  std::error_code error;
  std::vector<fs::path> older;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const int64_t generation = generation_of(entry.path().filename().string());
    if (generation > 0 && generation < generation_) older.push_back(entry.path());
  }
  for (const fs::path& path : older) fs::remove(path, error);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
