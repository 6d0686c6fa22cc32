#include "core/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "core/error.h"

namespace soragrad {
namespace {

// Sets a number of threads and puts the old one back.
class Threads {
 public:
  explicit Threads(int threads) : before_(num_threads()) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace

TEST_CASE("parallel: every task runs once") {
  for (const int threads : {1, 2, 3}) {
    const Threads scope(threads);
    CHECK(num_threads() == threads);
    std::vector<std::atomic<int>> runs(1000);
    parallel_for(1000, [&](int64_t task) { ++runs[static_cast<size_t>(task)]; });
    CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 1; }));
  }
}

TEST_CASE("parallel: chunks cover the range and depend on its size alone") {
  const Threads scope(2);
  std::vector<int> ends(103, 0), covered(103, 0);
  parallel_chunks(103, 10, [&](int64_t begin, int64_t end) {
    CHECK(begin % 10 == 0);
    ends[static_cast<size_t>(end - 1)] = 1;
    for (int64_t i = begin; i < end; ++i) ++covered[static_cast<size_t>(i)];
  });
  CHECK(std::accumulate(ends.begin(), ends.end(), 0) == 11);
  CHECK(covered == std::vector<int>(103, 1));
}

TEST_CASE("parallel: nothing to do calls nothing") {
  parallel_chunks(0, 10, [](int64_t, int64_t) { FAIL("called"); });
  parallel_for(0, [](int64_t) { FAIL("called"); });
}

TEST_CASE("parallel: an exception of a task reaches the caller and the pool lives on") {
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    const auto throwing = [](int64_t task) { require(task != 7, "[test] task {}.", task); };
    CHECK_THROWS_WITH_AS(parallel_for(20, throwing), "[test] task 7.", Error);
    std::atomic<int> runs = 0;
    parallel_for(20, [&](int64_t) { ++runs; });
    CHECK(runs == 20);
  }
}

TEST_CASE(
    "parallel: if a task throws, the others still run, also on one thread and inside a loop") {
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    std::atomic<int> runs = 0;
    const auto throwing = [&](int64_t task) {
      require(task != 0, "[test] task {}.", task);
      ++runs;
    };
    CHECK_THROWS_AS(parallel_for(8, throwing), Error);
    CHECK(runs == 7);
    CHECK_THROWS_AS(parallel_for(3, [&](int64_t) { parallel_for(8, throwing); }), Error);
    CHECK(runs == 4 * 7);
  }
}

TEST_CASE("parallel: the number of threads changes between loops alone") {
  for (const int threads : {1, 2}) {
    const Threads scope(threads);
    CHECK_THROWS_WITH_AS(parallel_for(4, [](int64_t) { set_num_threads(3); }),
                         "[threads] set_num_threads(3) inside of a parallel loop; call it before.",
                         Error);
    CHECK(num_threads() == threads);
  }
  const Threads scope(2);
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread other([&] {
    while (!done) {
      std::atomic<int> runs = 0;
      parallel_for(64, [&](int64_t) { ++runs; });
      wrong += runs != 64;
    }
  });
  for (int i = 0; i < 100; ++i) set_num_threads(1 + i % 3);
  done = true;
  other.join();
  CHECK(wrong == 0);
}

TEST_CASE("parallel: a loop inside a loop runs on its thread") {
  const Threads scope(2);
  std::atomic<int> runs = 0, strangers = 0;
  parallel_for(8, [&](int64_t) {
    const auto self = std::this_thread::get_id();
    parallel_for(8, [&](int64_t) {
      ++runs;
      strangers += std::this_thread::get_id() != self;
    });
  });
  CHECK(runs == 64);
  CHECK(strangers == 0);
}

TEST_CASE("parallel: loops of two threads at once do not disturb each other") {
  const Threads scope(2);
  std::atomic<int> wrong = 0;
  const auto many_loops = [&] {
    for (int loop = 0; loop < 200; ++loop) {
      std::vector<int> hits(50, 0);
      parallel_for(50, [&](int64_t task) { ++hits[static_cast<size_t>(task)]; });
      wrong += hits != std::vector<int>(50, 1);
    }
  };
  std::thread other(many_loops);
  many_loops();
  other.join();
  CHECK(wrong == 0);
}

TEST_CASE("parallel: no threads at all is refused") {
  CHECK_THROWS_AS(set_num_threads(0), Error);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
