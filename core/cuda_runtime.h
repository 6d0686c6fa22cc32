// The few calls of the CUDA runtime that the rest of core needs. A build without CUDA has them too:
// there cuda::unavailable_reason() says why, and the others throw it. One thread at a time may
// copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace soragrad::cuda {

// Empty where a GPU can be used; otherwise one sentence that says why not.
std::string unavailable_reason();
// Architectures the kernels were compiled for, "80 86 90 (PTX 90)"; empty without CUDA.
std::string architectures();

void* allocate(size_t bytes);  // null where there is no room
void free(void* pointer) noexcept;
void copy_to_device(void* device, const void* host, size_t bytes);  // does not wait
void copy_to_host(void* host, const void* device, size_t bytes);    // waits for the result
void copy_on_device(void* to, const void* from, size_t bytes);
void fill_zero(void* device, size_t bytes);
void synchronize();

// What one function gives to the GPU, recorded once and launched as a whole from then on: one call
// of the driver instead of one an operation. A launch does the same again at the same addresses,
// so the memory it works in must be its own (core/allocator.h: GraphMemory).
class Graph {
 public:
  Graph() = default;
  ~Graph();  // waits
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Records what `work` gives to the GPU; nothing of it runs. While it is recorded nothing may be
  // copied from or to the host, nobody may wait, and the system may be asked for no memory: an
  // Error, and nothing is captured.
  void capture(const std::function<void()>& work);
  bool is_captured() const { return executable_ != nullptr; }
  void launch() const;  // does not wait

 private:
  void* executable_ = nullptr;  // cudaGraphExec_t
  int64_t operations_ = 0;
};

// What the host has given to the GPU so far. An operation is a kernel, a product of cuBLASLt, a
// copy or a fill.
struct Work {
  int64_t operations = 0;        // one by one
  int64_t graphs = 0;            // launches of captured graphs
  int64_t graph_operations = 0;  // in these
};
Work work();
void count_operation();  // whoever gives one says so

}  // namespace soragrad::cuda
