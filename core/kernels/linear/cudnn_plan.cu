// Forward:   product = a b;  before = product + added;  y = gelu(before)
// Backward:  product = a b;  sum = product + added;     dbefore = gelu'(before) sum
#include "core/kernels/linear/cudnn_plan.cuh"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace soragrad::kernels::cudnn {
namespace {

constexpr int64_t kAlignment = 16;  // in bytes, of every array; gemm_gelu.cu checks it

// The attribute's descriptors. The API fills descriptors that the caller has made.
std::vector<std::unique_ptr<Descriptor>> get_all(const Descriptor& from,
                                                 cudnnBackendAttributeName_t name,
                                                 cudnnBackendDescriptorType_t type) {
  int64_t count = 0;
  check(
      cudnnBackendGetAttribute(from.get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
      "reading an attribute");
  std::vector<std::unique_ptr<Descriptor>> result;
  std::vector<cudnnBackendDescriptor_t> handles;
  for (int64_t i = 0; i < count; ++i) {
    result.push_back(std::make_unique<Descriptor>(type));
    handles.push_back(result.back()->get());
  }
  if (count == 0) return result;
  check(cudnnBackendGetAttribute(from.get(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count,
                                 handles.data()),
        "reading an attribute");
  result.resize(static_cast<size_t>(count));
  return result;
}

// Reads one value of an attribute, or as many as there is room for. -> their number.
template <typename T>
int64_t get(cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name, std::span<T> values,
            const char* what) {
  int64_t count = 0;
  check(cudnnBackendGetAttribute(from, name, type_of(T{}), static_cast<int64_t>(values.size()),
                                 &count, values.data()),
        what);
  return count;
}
template <typename T>
T get(cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name, const char* what) {
  T value{};
  get(from, name, std::span<T>(&value, 1), what);
  return value;
}

// The engine of a configuration.
Descriptor engine_of(cudnnBackendDescriptor_t config) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t handle = engine.get();
  int64_t count = 0;
  check(cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 1, &count, &handle),
        "the engine of a configuration");
  return engine;
}

// True if the engine may give other bits each time, or computes in less than fp32.
bool is_inexact(const Descriptor& engine) {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  const int64_t count = get(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                            std::span<cudnnBackendNumericalNote_t>(notes), "an engine's notes");
  return std::any_of(notes.begin(), notes.begin() + count, [](cudnnBackendNumericalNote_t note) {
    return note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
           note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
           note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
  });
}

// What another plan needs to be made in the same way.
Configuration configuration_of(const Descriptor& config, const Descriptor& engine) {
  Configuration result{
      .engine = get<int64_t>(engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, "an engine's number")};
  for (const auto& choice :
       get_all(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR)) {
    result.knobs.emplace_back(
        get<cudnnBackendKnobType_t>(choice->get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, "a choice"),
        get<int64_t>(choice->get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, "the value of a choice"));
  }
  return result;
}

}  // namespace

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 200> message{};
  cudnnGetLastErrorString(message.data(), message.size());
  fail("[cudnn] {} failed: {}. {}", what, cudnnGetErrorString(status), message.data());
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(cudnnBackendCreateDescriptor(type, &handle_), "a descriptor");
}

Descriptor::~Descriptor() {
  if (handle_) static_cast<void>(cudnnBackendDestroyDescriptor(handle_));
}

void Descriptor::refer(cudnnBackendAttributeName_t name,
                       const std::vector<const Descriptor*>& values) {
  std::vector<cudnnBackendDescriptor_t> handles;
  for (const Descriptor* value : values) handles.push_back(value->get());
  check(cudnnBackendSetAttribute(handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 static_cast<int64_t>(handles.size()), handles.data()),
        "an attribute");
}

void Descriptor::finalize() {
  check(cudnnBackendFinalize(handle_), "a descriptor");
}

const Descriptor& KernelCache::of(const Descriptor& graph) {
  if (!descriptor_) {
    auto made = std::make_unique<Descriptor>(CUDNN_BACKEND_KERNEL_CACHE_DESCRIPTOR);
    made->set(CUDNN_ATTR_KERNEL_CACHE_OPERATION_GRAPH, graph);
    made->finalize();
    descriptor_ = std::move(made);
  }
  return *descriptor_;
}

Descriptor& Plan::add(cudnnBackendDescriptorType_t type) {
  parts_.push_back(std::make_unique<Descriptor>(type));
  return *parts_.back();
}

// cuDNN's matrices have a batch axis before rows and columns.
const Descriptor& Plan::tensor(Uid uid, const GeluProduct& product) {
  const int64_t m = product.m, n = product.n, k = product.k;
  const bool is_row = uid == Uid::added && !product.backward;
  std::array<int64_t, 3> sizes = {1, is_row ? 1 : m, n}, strides = {m * n, n, 1};
  if (uid == Uid::a) {
    sizes = {1, m, k};
    strides = {m * k, k, 1};
  } else if (uid == Uid::b) {
    sizes = {1, k, n};
    const int64_t pitch = product.pitch;
    strides = {pitch * (product.backward ? k : n), product.backward ? pitch : 1,
               product.backward ? 1 : pitch};
  }
  const bool is_operand = uid == Uid::a || uid == Uid::b;
  Descriptor& result = add(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  result.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, static_cast<int64_t>(uid));
  result.set(CUDNN_ATTR_TENSOR_DATA_TYPE, is_operand ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT);
  result.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::span<const int64_t>(sizes));
  result.set(CUDNN_ATTR_TENSOR_STRIDES, std::span<const int64_t>(strides));
  result.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment);
  result.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, uid == Uid::product || uid == Uid::sum);
  result.finalize();
  return result;
}

const Descriptor& Plan::matmul(const Descriptor& a, const Descriptor& b, const Descriptor& c) {
  Descriptor& arithmetic = add(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  arithmetic.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
  arithmetic.finalize();
  Descriptor& result = add(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  result.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, a);
  result.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, b);
  result.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, c);
  result.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, arithmetic);
  result.finalize();
  return result;
}

// An operation by elements; the caller sets its tensors and finalizes it.
Descriptor& Plan::pointwise(cudnnPointwiseMode_t mode) {
  Descriptor& arithmetic = add(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  arithmetic.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  arithmetic.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  arithmetic.finalize();
  Descriptor& result = add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  result.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, arithmetic);
  return result;
}

const Descriptor& Plan::graph(const GeluProduct& product, const Target& target) {
  const Descriptor& a_b = tensor(Uid::product, product);
  const Descriptor& before = tensor(Uid::before, product);
  const Descriptor& result = tensor(Uid::result, product);
  std::vector<const Descriptor*> operations = {
      &matmul(tensor(Uid::a, product), tensor(Uid::b, product), a_b)};
  const Descriptor* sum = &a_b;
  if (product.has_added) {
    sum = product.backward ? &tensor(Uid::sum, product) : &before;
    Descriptor& addition = pointwise(CUDNN_POINTWISE_ADD);
    addition.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a_b);
    addition.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensor(Uid::added, product));
    addition.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *sum);
    addition.finalize();
    operations.push_back(&addition);
  }
  Descriptor& gelu =
      pointwise(product.backward ? CUDNN_POINTWISE_GELU_BWD : CUDNN_POINTWISE_GELU_FWD);
  gelu.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, before);
  if (product.backward) {
    gelu.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, *sum);
    gelu.set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, result);
  } else {
    gelu.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result);
  }
  gelu.finalize();
  operations.push_back(&gelu);
  Descriptor& graph = add(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.refer(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_IS_DYNAMIC_SHAPE_ENABLED, true);
  graph.finalize();
  return graph;
}

// False if cuDNN cannot compile this configuration after all.
bool Plan::compile(cudnnBackendDescriptor_t config, const Descriptor& cache, const Target& target) {
  Descriptor& plan = add(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  check(cudnnBackendSetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config),
        "an attribute");
  if (target.handle) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  if (target.device) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.device);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_KERNEL_CACHE, cache);
  if (cudnnBackendFinalize(plan.get()) != CUDNN_STATUS_SUCCESS) return false;
  int64_t count = 0;
  check(cudnnBackendGetAttribute(plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                 CUDNN_TYPE_INT64, 1, &count, &workspace_bytes_),
        "the workspace of a plan");
  plan_ = &plan;
  return true;
}

const Descriptor& Plan::engine_config(const Configuration& wanted, const Descriptor& graph,
                                      const Target& target) {
  Descriptor& engine = add(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
  engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, wanted.engine);
  if (target.device) engine.set(CUDNN_ATTR_ENGINE_DEVICEPROP, *target.device);
  engine.finalize();
  std::vector<const Descriptor*> choices;
  for (const auto& [type, value] : wanted.knobs) {
    Descriptor& choice = add(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    choice.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, type);
    choice.set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value);
    choice.finalize();
    choices.push_back(&choice);
  }
  Descriptor& config = add(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!choices.empty()) config.refer(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, choices);
  config.finalize();
  return config;
}

// False if that engine, or those choices, are not to be had for this graph.
bool Plan::compile_wanted(const Configuration& wanted, const Descriptor& graph,
                          const Descriptor& cache, const Target& target) {
  try {
    const Descriptor& config = engine_config(wanted, graph, target);
    if (!compile(config.get(), cache, target)) return false;
  } catch (const Error&) {
    return false;
  }
  configuration_ = wanted;
  return true;
}

std::unique_ptr<Plan> Plan::make(const GeluProduct& product, const Target& target,
                                 KernelCache& cache, const Configuration* wanted) {
  std::unique_ptr<Plan> made(new Plan);
  const Descriptor& graph = made->graph(product, target);
  const Descriptor& kernels = cache.of(graph);
  if (wanted && made->compile_wanted(*wanted, graph, kernels, target)) return made;
  Descriptor& heuristic = made->add(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_HEUR_MODE_A);
  if (target.device) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.device);
  if (cudnnBackendFinalize(heuristic.get()) != CUDNN_STATUS_SUCCESS) return nullptr;
  for (auto& config :
       get_all(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR)) {
    made->parts_.push_back(std::move(config));
    const Descriptor& own = *made->parts_.back();
    const Descriptor engine = engine_of(own.get());
    if (is_inexact(engine) || !made->compile(own.get(), kernels, target)) continue;
    made->configuration_ = configuration_of(own, engine);
    return made;
  }
  return nullptr;
}

void Plan::execute(cudnnHandle_t handle, const std::vector<std::pair<Uid, const void*>>& memory,
                   void* workspace) const {
  std::vector<int64_t> uids;
  std::vector<const void*> pointers;
  for (const auto& [uid, pointer] : memory) {
    if (!pointer) continue;
    uids.push_back(static_cast<int64_t>(uid));
    pointers.push_back(pointer);
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const int64_t>(uids));
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span<const void* const>(pointers));
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, static_cast<const void*>(workspace));
  pack.finalize();
  check(cudnnBackendExecute(handle, plan_->get(), pack.get()), "a product with GELU");
}

}  // namespace soragrad::kernels::cudnn

// SPDX-License-Identifier: Apache-2.0
