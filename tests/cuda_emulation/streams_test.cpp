// Several streams of the emulated runtime: events order them, and what an event is missing for
// shows in one of the two orders. Captures fork into a second stream and join again.
#include <doctest/doctest.h>

#include <cstdlib>
#include <vector>

#include "core/cuda_stream.cuh"
#include "core/error.h"
#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/files.h"

namespace soragrad {
namespace {

using cuda_emulation::Order;

struct Streams {
  cudaStream_t a = nullptr, b = nullptr;
  cudaEvent_t event = nullptr;

  Streams() {
    cuda::check(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking), "a stream");
    cuda::check(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking), "a stream");
    cuda::check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
  }
  ~Streams() {
    cuda_emulation::set_order(Order::forward);
    static_cast<void>(cudaEventDestroy(event));
    static_cast<void>(cudaStreamDestroy(b));
    static_cast<void>(cudaStreamDestroy(a));
  }
  // Lets `later` wait for what `earlier` has been given so far.
  void wait(cudaStream_t later, cudaStream_t earlier) const {
    cuda::check(cudaEventRecord(event, earlier), "an event");
    cuda::check(cudaStreamWaitEvent(later, event), "a wait");
  }
};

// Stream a writes 1, stream b doubles it; what is there when b has been waited for.
int value_after(Order order, bool with_event) {
  const Streams streams;
  cuda_emulation::set_order(order);
  int x = 0;
  cuda_emulation::enqueue([&] { x = 1; }, streams.a);
  if (with_event) streams.wait(streams.b, streams.a);
  cuda_emulation::enqueue([&] { x *= 2; }, streams.b);
  cuda::check(cudaStreamSynchronize(streams.b), "a stream");
  const int result = x;
  cuda_emulation::run_all();
  return result;
}

// The order in which a graph runs its operations, by numbers. Fork after 1; 2 and 3 in a, 4 in b.
std::vector<int> replay(Order order, bool join) {
  const Streams streams;
  cuda_emulation::set_order(order);
  std::vector<int> ran;
  const auto give = [&](int number, cudaStream_t stream) {
    cuda_emulation::enqueue([&ran, number] { ran.push_back(number); }, stream);
  };
  cuda::check(cudaStreamBeginCapture(streams.a, cudaStreamCaptureModeThreadLocal), "a capture");
  give(1, streams.a);
  streams.wait(streams.b, streams.a);
  give(2, streams.a);
  give(3, streams.a);
  give(4, streams.b);
  if (join) streams.wait(streams.a, streams.b);
  if (join) give(5, streams.a);
  cudaGraph_t graph = nullptr;
  cuda::check(cudaStreamEndCapture(streams.a, &graph), "a capture");
  cudaGraphExec_t executable = nullptr;
  cuda::check(cudaGraphInstantiate(&executable, graph, 0), "a graph");
  cuda::check(cudaGraphDestroy(graph), "a graph");
  CHECK(ran.empty());
  cuda::check(cudaGraphLaunch(executable, streams.a), "a graph");
  cuda_emulation::run_all();
  cuda::check(cudaGraphExecDestroy(executable), "a graph");
  return ran;
}

}  // namespace

TEST_CASE("streams: an event orders them; one that is missing shows in one of the orders") {
  CHECK(value_after(Order::forward, true) == 2);
  CHECK(value_after(Order::backward, true) == 2);
  CHECK(value_after(Order::forward, false) == 0);
  CHECK(value_after(Order::backward, false) == 2);
}

TEST_CASE("streams: waiting for an event runs what it marks the end of, and no more") {
  const Streams streams;
  int a = 0, b = 0;
  cuda_emulation::enqueue([&] { a = 1; }, streams.a);
  cuda::check(cudaEventRecord(streams.event, streams.a), "an event");
  cuda_emulation::enqueue([&] { a = 2; }, streams.a);
  cuda_emulation::enqueue([&] { b = 1; }, streams.b);
  cuda::check(cudaEventSynchronize(streams.event), "an event");
  CHECK(a == 1);
  CHECK(b == 0);
  cuda_emulation::run_all();
  CHECK(a == 2);
  CHECK(b == 1);
}

TEST_CASE("streams: a captured fork runs its branches in either order, and both before the join") {
  CHECK(replay(Order::forward, true) == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(replay(Order::backward, true) == std::vector<int>{1, 4, 2, 3, 5});
  CHECK(test::message_of([] { replay(Order::forward, false); }) ==
        "[cuda] a capture failed: a stream has not joined the capture again.");
}

TEST_CASE("timeline: marks have the times of the stream, however many they are") {
  cuda::Timeline timeline;
  constexpr int64_t kMarks = 40'000;  // several batches
  for (int64_t i = 0; i < kMarks; ++i) {
    REQUIRE(timeline.mark() == i);
    for (int64_t n = 0; n < i % 3; ++n) cuda_emulation::enqueue([] {});
  }
  const std::vector<int64_t>& times = timeline.times();
  REQUIRE(times.size() == kMarks);
  CHECK(times[0] == 0);
  for (size_t i = 1; i < kMarks; ++i) {  // an operation takes a microsecond there
    const auto expected = static_cast<int64_t>((i - 1) % 3) * 1000;
    // CUDA's float has steps of two nanoseconds at 16 ms.
    REQUIRE(std::abs(times[i] - times[i - 1] - expected) <= 4);
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
