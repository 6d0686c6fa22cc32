// Tests of the emulation: the results it must compute, and the mistakes it must catch.
#include <doctest/doctest.h>

#include <cuda_pipeline.h>

#include <chrono>

#include "autograd/ops.h"
#include "core/error.h"
#include "core/kernels/cuda.cuh"
#include "core/kernels/mma.cuh"
#include "core/profile.h"
#include "tests/files.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace soragrad::kernels {
namespace {

__global__ void reverse(int* x) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

__global__ void sums(int* of_warp, int* of_block) {
  const int value = static_cast<int>(threadIdx.x);
  of_warp[threadIdx.x] = warp_sum(value);
  of_block[threadIdx.x] = block_sum(value);
}

__global__ void first_lane_skips_a_barrier() {
  if (threadIdx.x > 0) __syncthreads();
}

// Wrong: no barrier between the write and the neighbour's read.
__global__ void race(int* x) {
  x[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (threadIdx.x > 0) x[blockDim.x + threadIdx.x] = x[threadIdx.x - 1];
}

// y = x through shared memory by asynchronous copies of four numbers a thread, in two batches. A
// thread reads its neighbours' numbers. Wrong if it waits for one batch alone, or without the
// barrier.
template <int kBatchesLeft, bool kBarrier>
__global__ void copy_in_batches(const float* x, float* y) {
  auto& shared = *dynamic_shared<float[2][128]>();
  for (int batch = 0; batch < 2; ++batch) {
    const unsigned first = 4 * threadIdx.x;
    __pipeline_memcpy_async(&shared[batch][first], &x[128 * batch + first], 16);
    __pipeline_commit();
  }
  __pipeline_wait_prior(kBatchesLeft);
  if (kBarrier) __syncthreads();
  for (unsigned i = threadIdx.x; i < 256; i += 32) y[i] = shared[i / 128][i % 128];
}

__global__ void copy_with_zeros(const float* x, float* y) {
  float* shared = dynamic_shared<float>();
  __pipeline_memcpy_async(shared + 4 * threadIdx.x, x, 16, 8);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  for (int c = 0; c < 4; ++c) y[4 * threadIdx.x + c] = shared[4 * threadIdx.x + c];
}

__global__ void misaligned_copy(const float* x) {
  __pipeline_memcpy_async(dynamic_shared<float>() + 1, x, 16);
}

__global__ void faulty_kernel() {
  cuda_emulation::fault();
}

// The product a b of (16, 16) matrices by one warp in four ways: as stored, with b or a read from
// their transposes, and with a in two parts.
enum Way { kPlain, kOfRows, kTransposed, kOfParts, kWays };
__global__ void products(const float* a, const float* b, float* y) {
  Bf16Rows<16, 16>* rows = dynamic_shared<Bf16Rows<16, 16>>();  // a, b, and their transposes
  const auto fill = [&](Bf16Rows<16, 16>& to, const auto& element) {
    for (int n = lane_index(); n < 16 * 8; n += kWarp) {
      const int row = n / 8, column = n % 8 * 2;
      to.pair[row][n % 8] = bf16_pair(element(row, column), element(row, column + 1));
    }
  };
  fill(rows[0], [&](int r, int c) { return a[16 * r + c]; });
  fill(rows[1], [&](int r, int c) { return b[16 * r + c]; });
  fill(rows[2], [&](int r, int c) { return a[16 * c + r]; });
  fill(rows[3], [&](int r, int c) { return b[16 * c + r]; });
  __syncwarp();
  FragmentC sums[kWays][2] = {}, of_a[2];  // of_a: a as the result of a product
  for (int e = 0; e < 4; ++e) {
    for (int half = 0; half < 2; ++half) {
      of_a[half].at[e] = a[16 * fragment_row(e) + 8 * half + fragment_column(e)];
    }
  }
  const FragmentsB of_rows = fragments_b_of_rows(rows[3], 0, 0);
  for (int half = 0; half < 2; ++half) {
    mma(sums[kOfRows][half], fragment_a(rows[0], 0, 0), of_rows.half[half]);
  }
  mma_rows(sums[kPlain], fragment_a(rows[0], 0, 0), rows[1], 0, 0);
  mma_rows(sums[kTransposed], transposed_fragment_a(rows[2], 0, 0), rows[1], 0, 0);
  mma_rows(sums[kOfParts], split_a(of_a[0], of_a[1]), rows[1], 0, 0);
  for (int way = 0; way < kWays; ++way) {
    for (int half = 0; half < 2; ++half) {
      for (int e = 0; e < 4; ++e) {
        y[256 * way + 16 * fragment_row(e) + 8 * half + fragment_column(e)] = sums[way][half].at[e];
      }
    }
  }
}

template <typename... Args>
void launch_and_wait(Args... args) {
  launch(args...);
  cuda_emulation::run_all();
}

}  // namespace

TEST_CASE("cuda emulation: threads meet at barriers and share memory") {
  std::vector<int> x(64);
  for (int i = 0; i < 64; ++i) x[i] = i;
  launch_and_wait(reverse, 1, 64, 64 * sizeof(int), x.data());
  for (int i = 0; i < 64; ++i) CHECK(x[i] == 63 - i);
}

TEST_CASE("cuda emulation: sums of a warp and of a block") {
  std::vector<int> of_warp(96), of_block(96);
  launch_and_wait(sums, 1, 96, 0, of_warp.data(), of_block.data());
  for (int i = 0; i < 96; ++i) {
    CHECK(of_warp[i] == 496 + 1024 * (i / 32));
    CHECK(of_block[i] == 95 * 96 / 2);
  }
}

#ifdef __SANITIZE_ADDRESS__
TEST_CASE("cuda emulation: the host may not touch device memory") {
  const Tensor x = Tensor::zeros({10}, kReal, Device::cuda);
  CHECK(__asan_region_is_poisoned(x.raw(), x.bytes()) == x.raw());
  {
    const cuda_emulation::DeviceAccess access;
    CHECK(__asan_region_is_poisoned(x.raw(), x.bytes()) == nullptr);
    CHECK(__asan_address_is_poisoned(x.raw() + x.bytes()) == 1);
  }
}
#endif

TEST_CASE("cuda: copies through page-locked memory arrive whole, however many are under way") {
  std::vector<Tensor> copies;
  for (int64_t i = 0; i < 40; ++i) {  // 5 MB: more than the ring holds
    copies.push_back(Tensor::full({32 << 10}, static_cast<real>(i), Device::cuda));
  }
  for (int64_t i = 0; i < 40; ++i) {
    CHECK(copies[static_cast<size_t>(i)].to_vector() ==
          std::vector<real>(32 << 10, static_cast<real>(i)));
  }
  std::vector<int64_t> large((5 << 20) / sizeof(int64_t));
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<int64_t>(i);
  const Tensor x = Tensor::from(large, {static_cast<int64_t>(large.size())}, Device::cuda);
  CHECK(x.to_vector<int64_t>() == large);
}

TEST_CASE("cuda emulation: an asynchronous copy is made when it is waited for") {
  std::vector<float> x(256), y(256);
  for (int i = 0; i < 256; ++i) x[i] = static_cast<float>(i);
  launch_and_wait(copy_in_batches<0, true>, 1, 32, 1024, x.data(), y.data());
  CHECK(y == x);
  launch_and_wait(copy_in_batches<1, true>, 1, 32, 1024, x.data(), y.data());
  for (int i = 0; i < 128; ++i) CHECK(y[i] == x[i]);
  CHECK(std::isnan(y[128]));  // the first thread read it before any copy of the second batch
  launch_and_wait(copy_in_batches<0, false>, 1, 32, 1024, x.data(), y.data());
  CHECK(y != x);  // another thread's copies without a barrier
  launch_and_wait(copy_with_zeros, 1, 32, 512, x.data(), y.data());
  CHECK(std::vector<float>(y.begin(), y.begin() + 4) == std::vector<float>{0, 1, 0, 0});
  CHECK_THROWS_AS(launch_and_wait(misaligned_copy, 1, 32, 1024, x.data()), Error);
}

// The test cuda_emulation/launch_blocking runs this with the variable set.
TEST_CASE("cuda emulation: with CUDA_LAUNCH_BLOCKING=1 a fault has its kernel's name") {
  const std::string blocking = test::message_of([] { launch(faulty_kernel, 1, 32, 0); });
  const std::string waiting = test::message_of([] { cuda::synchronize(); });
  cuda_emulation::forget_fault();
  CHECK(waiting == "[cuda] a kernel failed: an illegal memory access.");
  if (!cuda::waits_for_each_launch()) {
    CHECK(blocking.empty());
    MESSAGE("SKIPPED: CUDA_LAUNCH_BLOCKING is not 1");
    return;
  }
  CHECK(blocking == "[cuda] faulty_kernel failed: an illegal memory access.");
}

TEST_CASE("cuda emulation: a profile has the GPU's times, and nothing waits for them") {
  profile::Recorder recorder;
  const Tensor x = Tensor::full({64}, 1, Device::cuda);
  const int64_t before = cuda_emulation::host_waits();
  {
    const profile::Span step("step");
    for (int i = 0; i < 5; ++i) add_inplace(x, x);
  }
  CHECK(cuda_emulation::host_waits() == before);
  recorder.finish();
  const profile::Row& row = recorder.kernels().at("add");
  CHECK(row.calls == 5);
  CHECK(row.duration == 5000);  // an operation takes a microsecond there
  CHECK(recorder.total() == 5000);
  CHECK(x.to_vector() == std::vector<real>(64, 32));
  const auto start = std::chrono::steady_clock::now();
  {
    const profile::Span step("step");  // its work begins late, so that the host queues ahead
    add_inplace(x, x);
  }
  recorder.finish();
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(20));
  CHECK(recorder.total() == 6000);
}

TEST_CASE("cuda emulation: a barrier that a thread misses is an error") {
  CHECK_THROWS_AS(launch_and_wait(first_lane_skips_a_barrier, 1, 64, 0), Error);
  CHECK_THROWS_AS(launch_and_wait(first_lane_skips_a_barrier, 1, 33, 0), Error);  // no whole warps
}

TEST_CASE("cuda emulation: the order of threads shows a race") {
  std::vector<int> forward(128, -1), backward(128, -1);
  launch_and_wait(race, 1, 64, 0, forward.data());
  cuda_emulation::set_order(cuda_emulation::Order::backward);
  launch_and_wait(race, 1, 64, 0, backward.data());
  cuda_emulation::set_order(cuda_emulation::Order::forward);
  CHECK(forward != backward);
}

TEST_CASE("cuda emulation: the product of a warp's fragments") {
  std::vector<float> a(256), b(256), y(256 * kWays);
  for (int i = 0; i < 256; ++i) a[i] = static_cast<float>(i * 37 % 251 - 120);  // exact in bf16
  for (int i = 0; i < 256; ++i) b[i] = static_cast<float>(i * 53 % 127 - 60);
  const auto check = [&](bool parts_alone) {
    for (int i = 0; i < 256; ++i) {
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += a[i / 16 * 16 + k] * b[16 * k + i % 16];
      for (int way = parts_alone ? kOfParts : kPlain; way < kWays; ++way) {
        CAPTURE(way);
        CHECK(y[256 * way + i] == sum);
      }
    }
  };
  const auto run = [&] {
    launch_and_wait(products, 1, 32, 4 * sizeof(Bf16Rows<16, 16>), a.data(), b.data(), y.data());
  };
  run();
  check(false);
  for (float& x : a) x += x * 256;  // more than bf16's 8 bits, but not than two parts of it
  run();
  check(true);
}

TEST_CASE("cuda emulation: more shared memory than a GPU has is an error") {
  launch(sums, 1, 32, 100 << 10, nullptr, nullptr);
  CHECK_THROWS_AS(cuda_emulation::run_all(), Error);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
