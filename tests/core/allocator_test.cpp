#include "core/allocator.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdint>
#include <fstream>
#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace soragrad {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaches = false;  // each block goes back, so that overruns are seen
#else
constexpr bool kCaches = true;
#endif

// Tensors of the sizes of a small training step, some alive at the same time.
void step() {
  std::vector<Tensor> alive;
  for (int64_t rows = 1; rows < 40; rows += 3) {
    alive.push_back(Tensor::empty({rows, 64}));
    const Tensor temporary = Tensor::empty({rows, 200});
  }
}

}  // namespace

TEST_CASE("allocator: after the first step the system is asked for nothing") {
  if (!kCaches) return;
  step();
  const int64_t calls = allocator_stats(Device::cpu).system_calls;
  for (int i = 0; i < 10; ++i) step();
  CHECK(allocator_stats(Device::cpu).system_calls == calls);
}

TEST_CASE("allocator: a block a little smaller takes the place of a freed one") {
  if (!kCaches) return;
  deallocate(Device::cpu, allocate(Device::cpu, 100'000), 100'000);
  const int64_t calls = allocator_stats(Device::cpu).system_calls;
  deallocate(Device::cpu, allocate(Device::cpu, 99'900), 99'900);
  CHECK(allocator_stats(Device::cpu).system_calls == calls);
}

TEST_CASE("allocator: live bytes return to where they were") {
  const AllocatorStats before = allocator_stats(Device::cpu);
  {
    const Tensor x = Tensor::empty({1000, 1000}, DType::f32);
    const AllocatorStats during = allocator_stats(Device::cpu);
    CHECK(during.live_bytes - before.live_bytes >= 4'000'000);
    CHECK(during.live_bytes - before.live_bytes <= 5'000'000);
    CHECK(during.peak_bytes >= during.live_bytes);
  }
  CHECK(allocator_stats(Device::cpu).live_bytes == before.live_bytes);
}

TEST_CASE("allocator: blocks are aligned, those of no bytes too") {
  for (const size_t bytes : {0, 1, 255, 257, 5000}) {
    void* pointer = allocate(Device::cpu, bytes);
    CHECK(reinterpret_cast<uintptr_t>(pointer) % 64 == 0);
    deallocate(Device::cpu, pointer, bytes);
  }
}

TEST_CASE("allocator: cached blocks make room where the system has no more") {
  if (!kCaches) return;
  constexpr size_t kGiB = size_t{1} << 30, kRoom = 4 * kGiB, kBlock = kGiB / 2 * 5,
                   kOther = 3 * kGiB;
  rlimit before{}, small{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  long pages = 0;  // of address space in use
  std::ifstream("/proc/self/statm") >> pages;
  small = before;
  small.rlim_cur = static_cast<rlim_t>(pages) * 4096 + kRoom;
  REQUIRE(setrlimit(RLIMIT_AS, &small) == 0);
  deallocate(Device::cpu, allocate(Device::cpu, kBlock), kBlock);
  void* other = nullptr;
  CHECK_NOTHROW(other = allocate(Device::cpu, kOther));
  CHECK(allocator_stats(Device::cpu).cached_bytes == 0);
  CHECK_THROWS_WITH_AS(allocate(Device::cpu, kBlock), doctest::Contains("do not fit"), Error);
  if (other) deallocate(Device::cpu, other, kOther);
  release_cached_memory(Device::cpu);
  setrlimit(RLIMIT_AS, &before);
}

TEST_CASE("allocator: released memory is no longer cached") {
  deallocate(Device::cpu, allocate(Device::cpu, 5000), 5000);
  release_cached_memory(Device::cpu);
  CHECK(allocator_stats(Device::cpu).cached_bytes == 0);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
