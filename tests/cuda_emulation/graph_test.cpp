// Captured graphs on the emulated runtime: what a replay repeats, what a capture refuses, and the
// graphs' own memory.
#include <doctest/doctest.h>

#include <optional>

#include "autograd/ops.h"
#include "core/allocator.h"
#include "core/cuda_runtime.h"
#include "tests/cuda_emulation/cuda_emulation.h"
#include "tests/files.h"

namespace soragrad {
namespace {

Tensor on_gpu(const std::vector<real>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())}, Device::cuda);
}

// Throws what the work throws while it is captured; afterwards work is given as before.
void capture(const std::function<void()>& work) {
  cuda::Graph graph;
  try {
    graph.capture(work);
  } catch (...) {
    CHECK_FALSE(graph.is_captured());
    CHECK(on_gpu({1, 2}).to_vector() == std::vector<real>{1, 2});
    throw;
  }
}

std::string capture_error(const std::function<void()>& work) {
  return test::message_of([&] { capture(work); });
}

}  // namespace

TEST_CASE("graph: each launch does the work again with what memory holds then") {
  const Tensor sum = on_gpu({0, 0}), x = on_gpu({1, 2});
  cuda::Graph graph;
  graph.capture([&] {
    add_inplace(sum, x);
    add_inplace(sum, x);
  });
  CHECK(sum.to_vector() == std::vector<real>{0, 0});  // recorded, not run
  const cuda::Work before = cuda::work();
  graph.launch();
  x.copy_from(Tensor::from(std::vector<real>{10, 20}, {2}));
  graph.launch();
  CHECK(cuda::work().graphs - before.graphs == 2);
  CHECK(cuda::work().graph_operations - before.graph_operations == 4);
  CHECK(cuda::work().operations - before.operations == 1);  // the copy
  CHECK(before.graph_bytes > 0);
  CHECK(sum.to_vector() == std::vector<real>{22, 44});
}

TEST_CASE("graph: what CUDA refuses during a capture is an error, and nothing is captured") {
  const Tensor x = on_gpu({1, 2});
  CHECK(capture_error([&] { add_inplace(x, x); }).empty());
  CHECK(capture_error([&] { x.to_vector(); }) == "[cuda] a copy from the GPU cannot be captured.");
  CHECK(capture_error([&] { x.copy_from(Tensor::zeros({2})); }) ==
        "[cuda] a copy to the GPU cannot be captured.");
  CHECK(capture_error([] { cuda::synchronize(); }) ==
        "[cuda] a kernel failed: not possible while capturing.");
  CHECK(capture_error([] { cuda::allocate(64); }) ==
        "[cuda] allocating memory failed: not possible while capturing.");
  void* block = cuda::allocate(64);
  CHECK(capture_error([&] { cuda::free(block); }) ==
        "[cuda] a capture failed: the capture is broken.");
  cuda::free(block);
  CHECK(capture_error([] { cuda::Graph().capture([] {}); }) ==
        "[cuda] a capture failed: not possible while capturing.");
  CHECK(capture_error([] { fail("[here] no."); }) == "[here] no.");
  cuda::Graph graph;
  CHECK_THROWS_AS(graph.launch(), Error);
  CHECK(x.to_vector() == std::vector<real>{1, 2});
}

TEST_CASE("graph memory: its blocks go to graphs alone, whoever frees them") {
  std::optional<Tensor> of_graphs;
  {
    const GraphMemory memory;
    of_graphs = Tensor::empty({500}, kReal, Device::cuda);
  }
  const std::byte* address = of_graphs->raw();
  of_graphs.reset();  // outside the guard
  std::vector<Tensor> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(Tensor::empty({500}, kReal, Device::cuda));
    CHECK(others.back().raw() != address);
  }
  const int64_t calls = allocator_stats(Device::cuda).system_calls;
  {
    const GraphMemory memory;
    CHECK(Tensor::empty({500}, kReal, Device::cuda).raw() == address);
    CHECK(Tensor::empty({500}, kReal).raw() != address);  // the host's
  }
  CHECK(allocator_stats(Device::cuda).system_calls == calls);
  const int64_t held = allocator_stats(Device::cuda).system_bytes;
  release_graph_memory();
  CHECK(allocator_stats(Device::cuda).system_bytes < held);
  CHECK(allocator_stats(Device::cuda).system_peak >= held);
}

TEST_CASE("graph memory: work of all sizes uses the same bytes, and always the same addresses") {
  const auto work = [](int64_t mib) {
    const GraphMemory memory;
    std::vector<const std::byte*> addresses;
    std::vector<Tensor> alive;
    for (int i = 0; i < 6; ++i) {
      alive.push_back(Tensor::empty({mib << 20}, DType::u8, Device::cuda));
      const Tensor temporary = Tensor::empty({3 * mib << 19}, DType::u8, Device::cuda);
      addresses.insert(addresses.end(), {alive.back().raw(), temporary.raw()});
      if (i % 2) alive.erase(alive.begin());
    }
    return addresses;
  };
  release_graph_memory();
  const auto large = work(20);
  const int64_t held = allocator_stats(Device::cuda).system_bytes;
  for (const int64_t mib : {1, 3, 7, 13, 19}) work(mib);
  CHECK(allocator_stats(Device::cuda).system_bytes == held);
  work(40);
  CHECK(allocator_stats(Device::cuda).system_bytes > held);
  CHECK(work(20) == large);
  release_graph_memory();
}

TEST_CASE("graph memory: what a graph frees is not written by others, nor theirs by the graph") {
  const Tensor x = on_gpu({1, 2, 3}), result = on_gpu({0, 0, 0});
  const auto work = [&] {
    Tensor doubled = Tensor::empty({3}, kReal, Device::cuda);
    doubled.copy_from(x);
    add_inplace(doubled, x);
    result.copy_from(doubled);
  };
  cuda::Graph graph;
  {
    const GraphMemory memory;
    work();
    graph.capture(work);
  }
  std::vector<Tensor> others;
  for (int i = 0; i < 20; ++i) others.push_back(on_gpu({7, 8, 9}));
  graph.launch();
  CHECK(result.to_vector() == std::vector<real>{2, 4, 6});
  for (const Tensor& other : others) CHECK(other.to_vector() == std::vector<real>{7, 8, 9});
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
