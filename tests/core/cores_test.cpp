// The CPU quota of a control group, in both versions of its files.
#include "core/cores.h"

#include <doctest/doctest.h>

#include "tests/files.h"

using namespace soragrad;
using soragrad::test::TemporaryFolder;

TEST_CASE("cores: cgroup v2's quota is rounded up, and the parents' count too") {
  const TemporaryFolder root;
  root.write("proc/self/cgroup", "0::/jobs/one\n");
  CHECK(cgroup_cores(root.path()) == 0);
  root.write("sys/fs/cgroup/jobs/one/cpu.max", "max 100000\n");
  CHECK(cgroup_cores(root.path()) == 0);
  root.write("sys/fs/cgroup/jobs/one/cpu.max", "250000 100000\n");
  CHECK(cgroup_cores(root.path()) == 3);
  root.write("sys/fs/cgroup/jobs/cpu.max", "50000 100000\n");
  CHECK(cgroup_cores(root.path()) == 1);
}

TEST_CASE("cores: cgroup v1's quota, and none of it") {
  const TemporaryFolder root;
  root.write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  CHECK(cgroup_cores(root.path()) == 0);
  root.write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "400000\n");
  CHECK(cgroup_cores(root.path()) == 4);
}

TEST_CASE("cores: damaged files are no limit") {
  const TemporaryFolder root;
  CHECK(cgroup_cores(root.path()) == 0);
  root.write("proc/self/cgroup", "nonsense\n::\n0::/../../x\n");
  root.write("sys/fs/cgroup/cpu.max", "-5 0\n");
  CHECK(cgroup_cores(root.path()) == 0);
  CHECK(available_cores() >= 1);
  CHECK(available_cores(1 << 20) == 1);
}

// SPDX-License-Identifier: Apache-2.0
