// Leases: one holder at a time, taken over when it is dead or silent, and lost by who was stopped.
#include "train/run/lease.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/json.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::test;
using namespace soragrad::train;
namespace fs = std::filesystem;

namespace {

// A lease of another host whose last beat was so many seconds ago.
void write_foreign_lease(const TemporaryFolder& root, const std::string& name, double age) {
  const std::string path = root.write(
      name, R"({"host": "elsewhere", "pid": 7, "space": "x", "started": 1, "period": 10})");
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const timespec then{now.tv_sec - static_cast<time_t>(age), 0};
  const timespec times[] = {then, then};
  REQUIRE(utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

}  // namespace

TEST_CASE("lease: one holder at a time; it is free again when given back") {
  const TemporaryFolder root;
  const std::string folder = root.path();
  CHECK_FALSE(lease_holder(folder));
  {
    Lease lease(folder);
    lease.require_mine();
    const auto holder = lease_holder(folder);
    REQUIRE(holder);
    CHECK(holder->pid == ::getpid());
    CHECK_FALSE(holder->is_stale);
    CHECK_THROWS_WITH_AS(Lease{folder}, doctest::Contains("another process"), RunIsTaken);
  }
  CHECK(fs::is_empty(folder));
  CHECK_FALSE(lease_holder(folder + "/missing"));
}

TEST_CASE("lease: another host's holds until three beats are missing") {
  const TemporaryFolder root;
  write_foreign_lease(root, "lease-4.json", 25);
  CHECK_THROWS_WITH_AS(Lease{root.path()}, doctest::Contains("elsewhere, pid 7"), RunIsTaken);
  write_foreign_lease(root, "lease-4.json", 35);
  const Lease lease(root.path());
  CHECK(fs::exists(root / "lease-5.json"));
  CHECK_FALSE(fs::exists(root / "lease-4.json"));
}

TEST_CASE("lease: a process of this host that has ended holds nothing") {
  const TemporaryFolder root;
  const pid_t child = ::fork();
  if (child == 0) {
    Lease lease(root.path());
    ::_exit(0);  // no destructor runs
  }
  ::waitpid(child, nullptr, 0);
  REQUIRE(fs::exists(root / "lease-1.json"));
  const auto holder = lease_holder(root.path());
  REQUIRE(holder);
  CHECK(holder->is_stale);
  const Lease lease(root.path());
  CHECK(fs::exists(root / "lease-2.json"));
}

TEST_CASE("lease: who was stopped for too long finds out before it writes") {
  const TemporaryFolder root;
  set_beat_seconds(0.1);
  int ready[2], verdict[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(verdict) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char result = 'e';
    try {
      Lease lease(root.path());
      if (::write(ready[1], "r", 1) != 1) ::_exit(1);
      ::raise(SIGSTOP);
      try {
        lease.require_mine();
        result = 'm';
      } catch (const RunIsLost&) {
        result = 'l';
      }
    } catch (const std::exception&) {
    }
    const bool written = ::write(verdict[1], &result, 1) == 1;
    ::_exit(written ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  REQUIRE(::waitpid(child, nullptr, WUNTRACED) == child);
  while (!lease_holder(root.path())->is_stale) ::usleep(10000);
  {
    Lease taken(root.path());
    ::kill(child, SIGCONT);
    REQUIRE(::read(verdict[0], &byte, 1) == 1);
    CHECK(byte == 'l');
    taken.require_mine();
  }
  ::waitpid(child, nullptr, 0);
  CHECK(fs::is_empty(root.path()));
  set_beat_seconds(kBeatSeconds);
}

TEST_CASE("lease: a holder that was late but not forestalled keeps it under the next number") {
  const TemporaryFolder root;
  set_beat_seconds(0.05);
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      Lease lease(root.path());
      ::raise(SIGSTOP);
      lease.require_mine();
      code = fs::exists(root / "lease-2.json") ? 0 : 2;
    } catch (const std::exception&) {
    }
    ::_exit(code);
  }
  REQUIRE(::waitpid(child, nullptr, WUNTRACED) == child);
  while (!lease_holder(root.path())->is_stale) ::usleep(10000);
  ::kill(child, SIGCONT);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  set_beat_seconds(kBeatSeconds);
}

TEST_CASE("lease: a damaged file counts until it is old") {
  const TemporaryFolder root;
  root.write("lease-1.json", "{");
  CHECK_THROWS_AS(Lease{root.path()}, RunIsTaken);
  CHECK(is_lease("lease-12.json"));
  for (const char* name :
       {"lease-.json", "lease-0.json", "lease-1.json.bak", "lease-x.json", "l"}) {
    CHECK_FALSE(is_lease(name));
  }
}

// SPDX-License-Identifier: Apache-2.0
