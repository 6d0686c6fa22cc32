// Tests of the checker itself: small kernels with a race each, and the cost of a few patterns.
#include "tests/cuda_emulation/accesses/access_checker.h"

#include <doctest/doctest.h>

#include "core/kernels/cuda.cuh"

namespace soragrad::kernels {
namespace {

using cuda_emulation::AccessChecker;
using cuda_emulation::Traffic;
using cuda_emulation::Watch;

enum class Order { none, warp, block };

// Each thread writes its place of shared memory and reads one `distance` further.
template <Order order>
__global__ void exchange_in_shared(float* x, unsigned distance) {
  __shared__ float memory[64];
  auto& at = memory;
  at[threadIdx.x] = x[threadIdx.x];
  if (order == Order::warp) __syncwarp();
  if (order == Order::block) __syncthreads();
  x[64 + threadIdx.x] = at[(threadIdx.x + distance) % 64];
}

// The second of two blocks reads what the first one writes.
__global__ void exchange_in_global(float* x) {
  x[64 + threadIdx.x] = blockIdx.x == 0 ? 1 : x[64 + threadIdx.x];
}

// The last of two blocks adds up what both have written. Without a counter it is the second.
__global__ void add_up_in_last_block(float* x, unsigned* counter) {
  __shared__ bool memory;
  auto& last = memory;
  x[blockIdx.x * blockDim.x + threadIdx.x] = 1;
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    last = counter ? atomicInc(counter, 1) == 1 : blockIdx.x == 1;
    __threadfence();
  }
  __syncthreads();
  if (last) x[128 + threadIdx.x] = x[63 - threadIdx.x] + x[127 - threadIdx.x];
}

// What the first of two blocks writes is too late for its fence, or also for its count.
__global__ void write_late(float* x, unsigned* counter, bool after_count) {
  if (threadIdx.x > 0) return;
  __threadfence();
  if (blockIdx.x == 0 && !after_count) x[0] = 1;
  atomicInc(counter, 1);
  if (blockIdx.x == 0 && after_count) x[0] = 1;
  __threadfence();
  if (blockIdx.x == 1) x[1] = x[0];
}

// The second of two blocks reads what the first one wrote. They count at places apart, or not.
__global__ void count_apart(float* x, unsigned* counters, unsigned distance) {
  if (threadIdx.x > 0) return;
  if (blockIdx.x == 0) x[0] = 1;
  __threadfence();
  atomicInc(counters + blockIdx.x * distance, 1);
  __threadfence();
  if (blockIdx.x == 1) x[1] = x[0];
}

// A shuffle orders no memory.
__global__ void shuffle_between(float* x) {
  x[threadIdx.x] = 1;
  const float sum = warp_sum(x[threadIdx.x]);
  x[(threadIdx.x + 1) % 32] = sum;
}

__global__ void write_own_half_words(uint16_t* x) {
  x[threadIdx.x] = 1;
}

__global__ void read(const float* x, float* y, unsigned stride) {
  __shared__ float memory[32 * 33];
  auto& at = memory;
  y[threadIdx.x] = x[threadIdx.x * stride];
  at[threadIdx.x * stride] = 0;
  y[threadIdx.x] += at[threadIdx.x * stride];
}

template <typename... Args>
size_t races(Args... args) {
  AccessChecker checker(Watch::races);
  launch(args...);
  return checker.races().size();
}

}  // namespace

TEST_CASE("access_checker: a barrier orders what it should, and no more") {
  const Tensor x = Tensor::zeros({128}, kReal, Device::cuda);
  CHECK(races(exchange_in_shared<Order::none>, 1, 64, 0, x.data(), 0u) == 0);
  CHECK(races(exchange_in_shared<Order::none>, 1, 64, 0, x.data(), 1u) == 1);
  CHECK(races(exchange_in_shared<Order::warp>, 1, 64, 0, x.data(), 1u) == 1);
  CHECK(races(exchange_in_shared<Order::block>, 1, 64, 0, x.data(), 33u) == 0);
  CHECK(races(exchange_in_shared<Order::block>, 2, 64, 0, x.data(), 0u) > 0);  // of blocks
  CHECK(races(exchange_in_global, 1, 64, 0, x.data()) == 0);
  CHECK(races(exchange_in_global, 2, 64, 0, x.data()) == 1);
  CHECK(races(shuffle_between, 1, 32, 0, x.data()) > 0);
  CHECK(races(write_own_half_words, 1, 64, 0, reinterpret_cast<uint16_t*>(x.data())) == 0);
}

TEST_CASE("access_checker: a barrier that is removed is missed, and others are not") {
  const Tensor x = Tensor::zeros({128}, kReal, Device::cuda);
  AccessChecker checker(Watch::races);
  launch(exchange_in_shared<Order::block>, 1, 64, 0, x.data(), 1u);
  CHECK(checker.races().empty());
  const auto met = cuda_emulation::barriers_met();
  REQUIRE(met.size() == 1);
  cuda_emulation::remove_barrier(*met.begin());
  launch(exchange_in_shared<Order::block>, 1, 64, 0, x.data(), 1u);
  cuda_emulation::remove_barrier({});
  CHECK(checker.races().size() == 1);
}

TEST_CASE("access_checker: a count between two fences orders blocks, and nothing less does") {
  const Tensor x = Tensor::zeros({192}, kReal, Device::cuda);
  const Tensor counts = Tensor::zeros({1}, DType::i64, Device::cuda);
  auto* const counters = reinterpret_cast<unsigned*>(counts.raw());
  AccessChecker checker(Watch::races);
  launch(add_up_in_last_block, 2, 64, 0, x.data(), counters);
  CHECK(checker.races().empty());
  CHECK(x.to_vector()[191] == 2);
  const auto met = cuda_emulation::barriers_met();
  REQUIRE(met.size() == 4);
  for (const cuda_emulation::Barrier& barrier : met) {
    CAPTURE(barrier.line);
    cuda_emulation::remove_barrier(barrier);
    CHECK(races(add_up_in_last_block, 2, 64, 0, x.data(), counters) > 0);
    cuda_emulation::remove_barrier({});
  }
  unsigned* const none = nullptr;
  CHECK(races(add_up_in_last_block, 2, 64, 0, x.data(), none) > 0);
  CHECK(races(write_late, 2, 32, 0, x.data(), counters, false) == 1);
  CHECK(races(write_late, 2, 32, 0, x.data(), counters, true) == 1);
  CHECK(races(count_apart, 2, 32, 0, x.data(), counters, 0u) == 0);
  CHECK(races(count_apart, 2, 32, 0, x.data(), counters, 1u) == 1);
}

TEST_CASE("access_checker: memory of the host is not a kernel's") {
  const Tensor x = Tensor::zeros({128}, kReal, Device::cuda);
  const std::vector<float> host(32);
  AccessChecker checker(Watch::races);
  launch(read, 1, 32, 0, x.data(), x.data() + 64, 1u);
  CHECK(checker.host_accesses().empty());
  launch(read, 1, 32, 0, host.data(), x.data() + 64, 1u);
  CHECK(checker.host_accesses().size() == 1);
}

TEST_CASE("access_checker: sectors of global memory and cycles of shared memory") {
  const Tensor x = Tensor::zeros({1100}, kReal, Device::cuda),
               y = Tensor::zeros({1100}, kReal, Device::cuda);
  const auto units = [&](unsigned stride, bool shared) {
    AccessChecker checker(Watch::traffic);
    launch(read, 1, 32, 0, x.data(), y.data(), stride);
    int64_t most = 0;
    for (const Traffic& line : checker.traffic()) {
      if (line.shared == shared) most = std::max(most, line.units / line.requests);
    }
    return most;
  };
  CHECK(units(1, false) == 4);
  CHECK(units(2, false) == 6);  // on average of 8 read and 4 written, on one line
  CHECK(units(1, true) == 1);
  CHECK(units(2, true) == 2);
  CHECK(units(32, true) == 32);
  CHECK(units(33, true) == 1);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
