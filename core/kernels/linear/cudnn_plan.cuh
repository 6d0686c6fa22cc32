// Plans of cuDNN for the products of gemm_gelu.h, made by its backend API: a product is a graph of
// operations on tensors, for which cuDNN's heuristic names engines; a plan is an engine's kernel,
// compiled. Host code alone. It can be run without a GPU if the device is described in text.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace soragrad::kernels::cudnn {

// Throws Error with cuDNN's status and last message unless the status is success.
void check(cudnnStatus_t status, const char* what);

// cuDNN's type code of an attribute.
inline cudnnBackendAttributeType_t type_of(int64_t) {
  return CUDNN_TYPE_INT64;
}
inline cudnnBackendAttributeType_t type_of(int32_t) {
  return CUDNN_TYPE_INT32;
}
inline cudnnBackendAttributeType_t type_of(bool) {
  return CUDNN_TYPE_BOOLEAN;
}
inline cudnnBackendAttributeType_t type_of(char) {
  return CUDNN_TYPE_CHAR;
}
inline cudnnBackendAttributeType_t type_of(const void*) {
  return CUDNN_TYPE_VOID_PTR;
}
inline cudnnBackendAttributeType_t type_of(cudnnHandle_t) {
  return CUDNN_TYPE_HANDLE;
}
inline cudnnBackendAttributeType_t type_of(cudnnDataType_t) {
  return CUDNN_TYPE_DATA_TYPE;
}
inline cudnnBackendAttributeType_t type_of(cudnnPointwiseMode_t) {
  return CUDNN_TYPE_POINTWISE_MODE;
}
inline cudnnBackendAttributeType_t type_of(cudnnBackendHeurMode_t) {
  return CUDNN_TYPE_HEUR_MODE;
}
inline cudnnBackendAttributeType_t type_of(cudnnBackendNumericalNote_t) {
  return CUDNN_TYPE_NUMERICAL_NOTE;
}
inline cudnnBackendAttributeType_t type_of(cudnnBackendKnobType_t) {
  return CUDNN_TYPE_KNOB_TYPE;
}

// One descriptor of the backend API. Attributes are set, then it is finalized, then it may be an
// attribute of others. Each call throws Error if cuDNN refuses it.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();

  template <typename T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    check(cudnnBackendSetAttribute(handle_, name, type_of(T{}), static_cast<int64_t>(values.size()),
                                   values.data()),
          "an attribute");
  }
  template <typename T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set(name, std::span<const T>(&value, 1));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) { refer(name, {&value}); }
  void refer(cudnnBackendAttributeName_t name, const std::vector<const Descriptor*>& values);
  void finalize();

  cudnnBackendDescriptor_t get() const { return handle_; }

 private:
  cudnnBackendDescriptor_t handle_ = nullptr;
};

// What a plan is made for: a (m, k) times b (k, n), both bf16.
//   forward   before = a b + added, y = gelu(before);  b = W^T, which is stored (n, k); added (n)
//   backward  dbefore = (a b [+ added]) gelu'(before); b = W, which is stored (k, n); added (m, n)
struct GeluProduct {
  bool backward;
  bool has_added;  // always, forward
  int64_t m, n, k;
  int64_t pitch;  // elements from a row of the stored b to the next
  auto operator<=>(const GeluProduct&) const = default;
};

// The tensors of a graph, by the numbers that cuDNN knows them by. `result` is y or dbefore. The
// last two are virtual: they stay in the kernel's registers.
enum class Uid : int64_t { a = 1, b, added, before, result, product, sum };

// Compiled kernels that plans of one graph share, whatever their sizes: compiling one takes some
// seconds, a plan for further sizes some milliseconds.
class KernelCache {
 public:
  // The descriptor, made with the first graph.
  const Descriptor& of(const Descriptor& graph);

 private:
  std::unique_ptr<Descriptor> descriptor_;
};

// The device of a plan: the handle's, or one that a descriptor describes. With the latter the plan
// cannot be executed.
struct Target {
  cudnnHandle_t handle = nullptr;
  const Descriptor* device = nullptr;
};

// What the heuristic has chosen: an engine, and its choices where it offers some.
struct Configuration {
  int64_t engine = 0;
  std::vector<std::pair<cudnnBackendKnobType_t, int64_t>> knobs;
  bool operator==(const Configuration&) const = default;
};

class Plan {
 public:
  // The first plan of the heuristic that compiles and gives the same bits each time. Null if there
  // is none. Throws Error if cuDNN refuses the graph itself. `cache` is for this graph alone: equal
  // but for m, n and k. `wanted`, unless it is null, is tried before the heuristic is asked: plans
  // of one configuration share its compiled kernel.
  static std::unique_ptr<Plan> make(const GeluProduct& product, const Target& target,
                                    KernelCache& cache, const Configuration* wanted = nullptr);

  const Configuration& configuration() const { return configuration_; }
  int64_t workspace_bytes() const { return workspace_bytes_; }
  // Queues the kernel in the handle's stream. `memory`: where each tensor is.
  void execute(cudnnHandle_t handle, const std::vector<std::pair<Uid, const void*>>& memory,
               void* workspace) const;

 private:
  Plan() = default;
  Descriptor& add(cudnnBackendDescriptorType_t type);
  const Descriptor& tensor(Uid uid, const GeluProduct& product);
  const Descriptor& matmul(const Descriptor& a, const Descriptor& b, const Descriptor& c);
  Descriptor& pointwise(cudnnPointwiseMode_t mode);
  const Descriptor& graph(const GeluProduct& product, const Target& target);
  const Descriptor& engine_config(const Configuration& wanted, const Descriptor& graph,
                                  const Target& target);
  bool compile(cudnnBackendDescriptor_t config, const Descriptor& cache, const Target& target);
  bool compile_wanted(const Configuration& wanted, const Descriptor& graph, const Descriptor& cache,
                      const Target& target);

  // The plan and all that it was made of; cuDNN does not promise copies.
  std::vector<std::unique_ptr<Descriptor>> parts_;
  const Descriptor* plan_ = nullptr;
  Configuration configuration_;
  int64_t workspace_bytes_ = 0;
};

}  // namespace soragrad::kernels::cudnn

// SPDX-License-Identifier: Apache-2.0
