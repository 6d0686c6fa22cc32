// How many cores this process may use.
#pragma once

#include <filesystem>

namespace soragrad {

// The least of: the cores of the process's affinity, the CPU quota of its control group (rounded
// up; cgroup v2's cpu.max, v1's cpu.cfs_quota_us), and the environment's SLURM_CPUS_PER_TASK and
// SORAGRAD_CORES, which `table --jobs` gives its workers. At least 1. Affinity and quota are
// divided by `sharing`, the number of processes of this machine that may use the same cores and
// work at the same time; the environment's numbers are for each process.
int available_cores(int sharing = 1);

// The quota part, of a file system below `root`: cores, rounded up, or 0 for no limit. The group is
// looked for in ROOT/proc/self/cgroup, and its parents' limits count too.
int cgroup_cores(const std::filesystem::path& root);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
