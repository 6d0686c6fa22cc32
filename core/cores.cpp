// cgroup v2: /sys/fs/cgroup/GROUP/cpu.max is "QUOTA PERIOD" or "max PERIOD", in microseconds.
// cgroup v1: /sys/fs/cgroup/cpu/GROUP/cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
#include "core/cores.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace soragrad {
namespace {

namespace fs = std::filesystem;

// Cores of a quota, rounded up; 0 for none.
int cores_of(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::clamp<int64_t>((quota + period - 1) / period, 1, 1 << 20));
}

int quota_v2(const fs::path& folder) {
  std::ifstream file(folder / "cpu.max");
  int64_t quota = 0, period = 0;
  return file >> quota >> period ? cores_of(quota, period) : 0;  // "max" is no number
}

int quota_v1(const fs::path& folder) {
  std::ifstream quota_file(folder / "cpu.cfs_quota_us"), period_file(folder / "cpu.cfs_period_us");
  int64_t quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? cores_of(quota, period) : 0;
}

// The least limit of a group and of those above it; 0 for none.
template <typename Quota>
int least_quota(const fs::path& mount, fs::path group, Quota quota) {
  int least = 0;
  for (;; group = group.parent_path()) {
    const int cores = quota(mount / group);
    if (cores > 0 && (least == 0 || cores < least)) least = cores;
    if (group.empty()) return least;
  }
}

bool lists_cpu(std::string_view controllers) {
  return ("," + std::string(controllers) + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

int cgroup_cores(const fs::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  int least = 0;
  for (std::string line; std::getline(groups, line);) {  // NUMBER:CONTROLLERS:/GROUP
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = fs::path(line.substr(second + 1)).relative_path();
    const fs::path mount = root / "sys/fs/cgroup";
    int cores = 0;
    if (controllers.empty()) {
      cores = least_quota(mount, group, quota_v2);
    } else if (lists_cpu(controllers)) {
      cores = least_quota(mount / "cpu", group, quota_v1);
    }
    if (cores > 0 && (least == 0 || cores < least)) least = cores;
  }
  return least;
}

int available_cores(int sharing) {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
  if (const int quota = cgroup_cores("/"); quota > 0) cores = std::min(cores, quota);
  cores = std::max(cores / std::max(sharing, 1), 1);
  for (const char* name : {"SLURM_CPUS_PER_TASK", "SORAGRAD_CORES"}) {
    const char* text = std::getenv(name);
    const int granted = text ? std::atoi(text) : 0;
    if (granted > 0) cores = std::min(cores, granted);
  }
  return cores;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
