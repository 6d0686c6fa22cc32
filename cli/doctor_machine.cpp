// The machine's part of `soragrad doctor`.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/doctor_report.h"
#include "cli/error_text.h"
#include "cli/version.h"
#include "core/cores.h"
#include "core/cuda_runtime.h"
#include "core/kernels/linear/gemm_bf16.h"
#include "core/text.h"

namespace soragrad::cli {

namespace {

constexpr std::string_view kWords[] = {"ok", "warning", "fault"};

// The value of a line "name : value" or "name: value" of a file below /proc; empty if there is
// none.
std::string value_in(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == line.npos || trimmed(line.substr(0, colon)) != name) continue;
    return std::string(trimmed(line.substr(colon + 1)));
  }
  return "";
}

bool has_word(const std::string& words, const std::string& wanted) {
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    if (word == wanted) return true;
  }
  return false;
}

std::string vector_units(const std::string& flags) {
  constexpr std::pair<const char*, const char*> kKnown[] = {
      {"avx2", "AVX2"},    {"avx512f", "AVX-512"}, {"avx512_bf16", "AVX-512 BF16"},
      {"amx_bf16", "AMX"}, {"asimd", "NEON"},      {"sve", "SVE"}};
  std::string text;
  for (const auto& [flag, name] : kKnown) {
    if (has_word(flags, flag)) text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text;
}

// A number in a file of the control group; 0 if there is none ("max").
int64_t group_limit(const char* path) {
  std::ifstream file(path);
  int64_t bytes = 0;
  return file >> bytes ? bytes : 0;
}

}  // namespace

void DoctorReport::add(Finding finding, std::string_view check, std::string_view text) {
  faults_ += finding == Finding::fault;
  warnings_ += finding == Finding::warning;
  print_(
      bounded_line(fmt::format("{:<8} {}: {}", kWords[static_cast<size_t>(finding)], check, text)) +
      "\n");
}

void DoctorReport::run(std::string_view check, const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    add(Finding::fault, check, error_text(error));
  }
}

std::string size_text(int64_t bytes) {
  constexpr double kMiB = 1024.0 * 1024;
  const auto size = static_cast<double>(bytes);
  return size < 1024 * kMiB ? fmt::format("{:.0f} MiB", size / kMiB)
                            : fmt::format("{:.1f} GiB", size / 1024 / kMiB);
}

int64_t available_memory() {
  std::istringstream value(value_in("/proc/meminfo", "MemAvailable"));
  int64_t available = 0;
  value >> available;
  available *= 1024;  // kB
  const int64_t limit = group_limit("/sys/fs/cgroup/memory.max");
  const int64_t used = group_limit("/sys/fs/cgroup/memory.current");
  return limit > 0 ? std::min(available, std::max<int64_t>(limit - used, 0)) : available;
}

void check_processor(DoctorReport& report, int64_t threads) {
  std::string flags = value_in("/proc/cpuinfo", "flags");
  if (flags.empty()) flags = value_in("/proc/cpuinfo", "Features");  // Arm
  const std::string units = vector_units(flags);
  const std::string model = value_in("/proc/cpuinfo", "model name");
  report.add(units.empty() ? Finding::warning : Finding::ok, "processor",
             fmt::format("{}{}; bf16 {}", model.empty() ? "" : model + ": ",
                         units.empty() ? "no vector units that are used here" : units,
                         kernels::bf16_way_text()));
  const int cores = available_cores();
  const bool too_many = threads > cores;
  report.add(too_many ? Finding::warning : Finding::ok, "threads",
             threads > 0 ? fmt::format("threads={} of {} cores{}", threads, cores,
                                       too_many ? "; more than the cores only slow it down" : "")
                         : fmt::format("all {} cores that this process may use", cores));
}

void check_gpu(DoctorReport& report, const std::string& device) {
  const std::string reason = cuda::unavailable_reason();
  const std::string driver = value_in("/proc/driver/nvidia/version", "NVRM version");
  if (reason.empty()) {
    report.add(Finding::ok, "gpu",
               fmt::format("usable; kernels for {}; driver {}", cuda::architectures(),
                           driver.empty() ? "unknown" : driver));
    return;
  }
  const bool is_wanted = device == "cuda";
  report.add(is_wanted ? Finding::fault : Finding::ok, "gpu",
             fmt::format("{}{}{}", is_wanted ? "device=cuda cannot be used: " : "not used: ",
                         reason, driver.empty() ? "" : " Driver: " + driver + "."));
}

void check_libraries(DoctorReport& report) {
  std::string text = version_text();
  for (size_t at = 0; (at = text.find('\n', at)) != text.npos;) text.replace(at, 1, ", ");
  report.add(Finding::ok, "program", text);
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
