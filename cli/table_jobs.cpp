#include "cli/table_jobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include "core/console.h"
#include "core/cores.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "train/loop/interrupt.h"

extern char** environ;

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostWorkers = 1024;
constexpr int64_t kProcessBytes = int64_t{300} << 20;  // of a worker, beside its weights
constexpr int kPollMilliseconds = 200;

int64_t weight_bytes(const std::string& model) {
  int64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(model, error)) {
    const std::string ending = entry.path().extension().string();
    if (ending != ".safetensors" && ending != ".bin") continue;
    bytes = std::max(bytes, static_cast<int64_t>(entry.file_size(error)));
  }
  return bytes;
}

// MemAvailable of /proc/meminfo in bytes; 0 if the system does not tell.
int64_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (int64_t kilobytes = 0; file >> name >> kilobytes;) {
    if (name == "MemAvailable:") return kilobytes * 1024;
    std::getline(file, unit);
  }
  return 0;
}

int64_t default_jobs(const std::string& model) {
  const int64_t cores = available_cores();
  const int64_t bytes = available_bytes();
  if (bytes == 0) return cores;
  // The weights as they are read, laid out for products, and what passes keep.
  const int64_t fitting = bytes / (kProcessBytes + 3 * weight_bytes(model));
  return std::clamp<int64_t>(fitting, 1, cores);
}

// One worker and the lines it writes.
class WorkerProcess {
 public:
  WorkerProcess(int64_t number, const std::vector<std::string>& arguments, char** environment)
      : number_(number) {
    int ends[2];
    require(::pipe2(ends, O_CLOEXEC) == 0, "[table] no pipe for a worker: {}.",
            system_reason(errno));
    lines_ = Descriptor(ends[0]);
    const Descriptor other(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, other.get(), STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& argument : arguments)
      words.push_back(const_cast<char*>(argument.data()));
    words.push_back(nullptr);
    const int error =
        ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, words.data(), environment);
    posix_spawn_file_actions_destroy(&actions);
    require(error == 0, "[table] worker {} cannot be started: {}.", number, system_reason(error));
  }

  int descriptor() const { return lines_.get(); }
  bool is_open() const { return static_cast<bool>(lines_); }
  void signal(int number) const { ::kill(pid_, number); }

  // Copies what there is; closes at the end.
  void copy() {
    char bytes[4096];
    const ssize_t count = ::read(lines_.get(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return;
    if (count > 0) text_.append(bytes, static_cast<size_t>(count));
    for (size_t end; (end = text_.find('\n')) != text_.npos; text_.erase(0, end + 1)) {
      log_line(fmt::format("[{}] {}", number_, text_.substr(0, end)));
    }
    if (count > 0) return;
    if (!text_.empty()) log_line(fmt::format("[{}] {}", number_, text_));
    lines_ = Descriptor();
  }

  // Waits for the end: the exit code, or 128 + the signal that killed it.
  int wait() const {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int signal = WTERMSIG(status);
    log_line(fmt::format("[table] worker {} was killed by signal {}.", number_, signal));
    return 128 + signal;
  }

 private:
  int64_t number_;
  pid_t pid_ = 0;
  Descriptor lines_;
  std::string text_;  // an unfinished line
};

// The environment with a number of cores for each worker.
std::vector<std::string> environment_of(int cores) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("SORAGRAD_CORES=")) variables.emplace_back(text);
  }
  variables.push_back(fmt::format("SORAGRAD_CORES={}", cores));
  return variables;
}

void copy_lines(std::vector<std::unique_ptr<WorkerProcess>>& workers) {
  bool is_told = false;  // that they are to stop
  while (true) {
    std::vector<pollfd> waiting;
    std::vector<WorkerProcess*> open;
    for (const auto& worker : workers) {
      if (!worker->is_open()) continue;
      waiting.push_back({worker->descriptor(), POLLIN, 0});
      open.push_back(worker.get());
    }
    if (open.empty()) return;
    ::poll(waiting.data(), waiting.size(), kPollMilliseconds);
    if (const int reason = train::interrupted_by(); reason > 0 && !is_told) {
      for (const auto& worker : workers) worker->signal(reason);
      is_told = true;
    }
    for (size_t i = 0; i < open.size(); ++i) {
      if (waiting[i].revents != 0) open[i]->copy();
    }
  }
}

}  // namespace

int64_t parse_jobs(const std::string& text, const std::string& model) {
  if (text.empty()) return default_jobs(model);
  int64_t jobs = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), jobs);
  if (status != std::errc() || end != text.data() + text.size() || jobs < 1 ||
      jobs > kMostWorkers) {
    throw UsageError(fmt::format("[table] --jobs is {}; expected a whole number from 1 to {}.",
                                 quote(text), kMostWorkers));
  }
  return jobs;
}

int run_workers(int64_t workers, const std::vector<std::string>& arguments) {
  const int cores = available_cores();
  std::vector<std::string> variables =
      environment_of(std::max(1, cores / static_cast<int>(workers)));
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::vector<std::unique_ptr<WorkerProcess>> processes;
  for (int64_t i = 1; i <= workers; ++i) {
    processes.push_back(std::make_unique<WorkerProcess>(i, arguments, environment.data()));
  }
  copy_lines(processes);
  int code = 0;
  for (const auto& process : processes) {
    const int ended_with = process->wait();
    if (code == 0) code = ended_with;
  }
  return code;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
