// include/cudnn.h. The heuristic offers configurations of three engines: one whose bits change, one
// that does not compile, and one that works, first with the choice that is best for the rows of the
// graph. Each choice is a kernel of its own. Products and GELU are plain loops, GELU in double with
// the C library's erf, so nothing is shared with the project's own kernels.
#include <cmath>
#include <cstring>
#include <iterator>
#include <list>
#include <map>
#include <numbers>
#include <set>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "tests/cuda_emulation/include/cudnn.h"

struct EmulatedCudnn {};

struct EmulatedDescriptor {
  struct Value {
    cudnnBackendAttributeType_t type;
    int64_t count;
    std::vector<std::byte> bytes;
  };
  cudnnBackendDescriptorType_t type;
  bool finalized = false;
  std::set<std::pair<int64_t, int64_t>> kernels;  // of a kernel cache: engines and choices
  std::map<cudnnBackendAttributeName_t, Value> attributes;

  template <typename T>
  std::vector<T> all(cudnnBackendAttributeName_t name) const {
    const Value& value = attributes.at(name);
    std::vector<T> result(static_cast<size_t>(value.count));
    std::memcpy(result.data(), value.bytes.data(), value.bytes.size());
    return result;
  }
  template <typename T>
  T one(cudnnBackendAttributeName_t name) const {
    return all<T>(name).at(0);
  }
  cudnnBackendDescriptor_t part(cudnnBackendAttributeName_t name) const {
    return one<cudnnBackendDescriptor_t>(name);
  }
};

namespace soragrad::cuda_emulation {
namespace {

CudnnWork done;
CudnnRefuses refuses = CudnnRefuses::nothing;
// The engines by number, beginning somewhere.
constexpr int64_t kUnstable = 5, kUncompilable = 6, kWorking = 7;

size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_INT64:
      return sizeof(int64_t);
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
      return 1;
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return sizeof(void*);
    default:
      return sizeof(int);  // enumerations
  }
}

// -- A graph, read from its descriptors -----------------------------------------------------------
struct Matrix {
  int64_t uid, alignment;
  cudnnDataType_t type;
  bool is_virtual;
  std::vector<int64_t> sizes, strides;  // (batch, rows, columns)

  explicit Matrix(const EmulatedDescriptor& d)
      : uid(d.one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID)),
        alignment(d.one<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT)),
        type(d.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE)),
        is_virtual(d.one<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL) != 0),
        sizes(d.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS)),
        strides(d.all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES)) {}
};
struct Operation {
  bool is_matmul;
  cudnnPointwiseMode_t mode = CUDNN_POINTWISE_ADD;
  std::vector<Matrix> inputs;
  Matrix output;
};

Operation read_operation(const EmulatedDescriptor& d) {
  const auto matrix = [&](cudnnBackendAttributeName_t name) { return Matrix(*d.part(name)); };
  if (d.type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
    return {.is_matmul = true,
            .inputs = {matrix(CUDNN_ATTR_OPERATION_MATMUL_ADESC),
                       matrix(CUDNN_ATTR_OPERATION_MATMUL_BDESC)},
            .output = matrix(CUDNN_ATTR_OPERATION_MATMUL_CDESC)};
  }
  const auto mode = d.part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)
                        ->one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
  std::vector<Matrix> inputs = {matrix(CUDNN_ATTR_OPERATION_POINTWISE_XDESC)};
  if (mode == CUDNN_POINTWISE_ADD) inputs.push_back(matrix(CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
  const bool backward = mode == CUDNN_POINTWISE_GELU_BWD;
  if (backward) inputs.push_back(matrix(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC));
  return {.is_matmul = false,
          .mode = mode,
          .inputs = std::move(inputs),
          .output = matrix(backward ? CUDNN_ATTR_OPERATION_POINTWISE_DXDESC
                                    : CUDNN_ATTR_OPERATION_POINTWISE_YDESC)};
}

// Rows of the graph's product.
int64_t rows_of(const EmulatedDescriptor& graph) {
  const auto product = graph.part(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  return Matrix(*product->part(CUDNN_ATTR_OPERATION_MATMUL_ADESC)).sizes[1];
}

template <typename T>
void give(EmulatedDescriptor& to, cudnnBackendAttributeName_t name,
          cudnnBackendAttributeType_t type, const T& value) {
  const auto* from = reinterpret_cast<const std::byte*>(&value);
  to.attributes[name] = {type, 1, {from, from + sizeof(T)}};
}

// The engine, and the choice that is made of it, of a configuration.
std::pair<int64_t, int64_t> kernel_of(const EmulatedDescriptor& config) {
  const auto engine = config.part(CUDNN_ATTR_ENGINECFG_ENGINE);
  const auto choice = config.part(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES);
  return {engine->one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX),
          choice->one<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE)};
}

// Fills in a configuration of the heuristic. Its parts stay: who reads them gets copies.
void configure(EmulatedDescriptor& config, cudnnBackendDescriptor_t graph, int64_t number,
               int64_t choice) {
  static auto& parts = *new std::list<EmulatedDescriptor>;
  const auto add = [](cudnnBackendDescriptorType_t type) {
    return &parts.emplace_back(EmulatedDescriptor{.type = type, .finalized = true});
  };
  auto* engine = add(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  give(*engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, number);
  give(*engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, graph);
  auto* knob = add(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
  give(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, CUDNN_KNOB_TYPE_KERNEL_CFG);
  give(*knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, choice);
  give(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, engine);
  give(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, knob);
  config.finalized = true;
}

// -- Running it -----------------------------------------------------------------------------------
class Run {
 public:
  explicit Run(std::map<int64_t, void*> memory) : memory_(std::move(memory)) {}

  void operator()(const Operation& operation) {
    const Matrix& y = operation.output;
    std::vector<float>& result = virtuals_[y.uid];
    result.resize(static_cast<size_t>(y.sizes[1] * y.sizes[2]));
    for (int64_t i = 0; i < y.sizes[1]; ++i) {
      for (int64_t j = 0; j < y.sizes[2]; ++j) {
        const float value =
            operation.is_matmul ? product(operation, i, j) : pointwise(operation, i, j);
        result[static_cast<size_t>(i * y.sizes[2] + j)] = value;
        if (y.is_virtual) continue;
        auto* to = static_cast<float*>(memory_.at(y.uid));
        to[i * y.strides[1] + j * y.strides[2]] = value;
      }
    }
  }

 private:
  // Element (i, j); an axis of size 1 repeats.
  float at(const Matrix& x, int64_t i, int64_t j) const {
    if (x.sizes[1] == 1) i = 0;
    if (x.sizes[2] == 1) j = 0;
    if (x.is_virtual) return virtuals_.at(x.uid)[static_cast<size_t>(i * x.sizes[2] + j)];
    const int64_t place = i * x.strides[1] + j * x.strides[2];
    const void* from = memory_.at(x.uid);
    return x.type == CUDNN_DATA_FLOAT ? static_cast<const float*>(from)[place]
                                      : to_float(static_cast<const bfloat16*>(from)[place]);
  }
  float product(const Operation& operation, int64_t i, int64_t j) const {
    const Matrix &a = operation.inputs[0], &b = operation.inputs[1];
    float sum = 0;
    for (int64_t p = 0; p < a.sizes[2]; ++p) sum += at(a, i, p) * at(b, p, j);
    return sum;
  }
  float pointwise(const Operation& operation, int64_t i, int64_t j) const {
    const float first = at(operation.inputs[0], i, j);
    if (operation.mode == CUDNN_POINTWISE_ADD) return first + at(operation.inputs[1], i, j);
    const double x = first, cdf = 0.5 * (1 + std::erf(x / std::numbers::sqrt2));
    if (operation.mode == CUDNN_POINTWISE_GELU_FWD) return static_cast<float>(x * cdf);
    const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    return static_cast<float>(at(operation.inputs[1], i, j) * (cdf + x * density));
  }

  std::map<int64_t, void*> memory_;
  std::map<int64_t, std::vector<float>> virtuals_;  // and copies of what is in memory
};

// The arrays by number. Throws unless they are those of the graph's tensors in memory, aligned.
std::map<int64_t, void*> memory_of(const EmulatedDescriptor& pack,
                                   const std::vector<Operation>& operations) {
  const auto uids = pack.all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = pack.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  std::map<int64_t, void*> memory;
  for (size_t i = 0; i < uids.size(); ++i) memory[uids[i]] = pointers.at(i);
  std::set<int64_t> wanted;
  for (const Operation& operation : operations) {
    std::vector<Matrix> all = operation.inputs;
    all.push_back(operation.output);
    for (const Matrix& matrix : all) {
      if (matrix.is_virtual) continue;
      wanted.insert(matrix.uid);
      const auto place = reinterpret_cast<uintptr_t>(memory.at(matrix.uid));
      require(place % static_cast<uintptr_t>(matrix.alignment) == 0,
              "[cudnn] tensor {} is not aligned.", matrix.uid);
    }
  }
  require(wanted.size() == memory.size(), "[cudnn] {} arrays for {} tensors.", memory.size(),
          wanted.size());
  return memory;
}

}  // namespace

CudnnWork cudnn_work() {
  return done;
}
void set_cudnn_refuses(CudnnRefuses what) {
  refuses = what;
}

}  // namespace soragrad::cuda_emulation

using namespace soragrad::cuda_emulation;

size_t cudnnGetVersion() {
  return 91900;
}
const char* cudnnGetErrorString(cudnnStatus_t status) {
  return status == CUDNN_STATUS_SUCCESS ? "success" : "refused";
}
void cudnnGetLastErrorString(char* message, size_t size) {
  if (size > 0) message[0] = 0;
}
cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  static EmulatedCudnn library;
  *handle = &library;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t, cudaStream_t) {
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  *descriptor = new EmulatedDescriptor{.type = type};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  delete descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* values) {
  if (descriptor->finalized || count < 1) return CUDNN_STATUS_BAD_PARAM;
  EmulatedDescriptor::Value value{type, count, {}};
  const auto* from = static_cast<const std::byte*>(values);
  value.bytes.assign(from, from + static_cast<size_t>(count) * bytes_of(type));
  descriptor->attributes[name] = value;
  if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR) return CUDNN_STATUS_SUCCESS;
  for (const cudnnBackendDescriptor_t part : descriptor->all<cudnnBackendDescriptor_t>(name)) {
    if (!part->finalized) return CUDNN_STATUS_BAD_PARAM;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor,
                                       cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t, int64_t requested,
                                       int64_t* count, void* values) {
  if (!descriptor->finalized) return CUDNN_STATUS_BAD_PARAM;
  auto* parts = static_cast<cudnnBackendDescriptor_t*>(values);
  *count = 1;
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      const auto graph = descriptor->part(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
      constexpr int64_t kNumbers[] = {kUnstable, kUncompilable, kWorking};
      *count = std::size(kNumbers);
      for (int64_t i = 0; i < requested; ++i) {
        configure(*parts[i], graph, kNumbers[i], rows_of(*graph));
      }
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
      if (!values) return CUDNN_STATUS_SUCCESS;
      [[fallthrough]];
    case CUDNN_ATTR_ENGINECFG_ENGINE: {  // a copy, which the caller frees
      const auto part = descriptor->part(name);
      parts[0]->attributes = part->attributes;
      parts[0]->finalized = true;
      return CUDNN_STATUS_SUCCESS;
    }
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
      *static_cast<int64_t*>(values) = descriptor->one<int64_t>(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
      *static_cast<cudnnBackendKnobType_t*>(values) = descriptor->one<cudnnBackendKnobType_t>(name);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      *static_cast<cudnnBackendNumericalNote_t*>(values) =
          descriptor->one<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX) == kUnstable
              ? CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC
              : CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      *static_cast<int64_t*>(values) = 100;
      return CUDNN_STATUS_SUCCESS;
    default:
      return CUDNN_STATUS_NOT_SUPPORTED;
  }
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  if (descriptor->finalized) return CUDNN_STATUS_BAD_PARAM;
  if (refuses == CudnnRefuses::graphs &&
      descriptor->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    return CUDNN_STATUS_NOT_SUPPORTED;
  }
  if (descriptor->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    const auto config = descriptor->part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    const auto kernel = kernel_of(*config);
    if (kernel.first == kUncompilable) return CUDNN_STATUS_NOT_SUPPORTED;
    EmulatedDescriptor& cache = *descriptor->part(CUDNN_ATTR_EXECUTION_PLAN_KERNEL_CACHE);
    done.kernels += cache.kernels.insert(kernel).second;
    ++done.plans;
  }
  descriptor->finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t pack) {
  const auto config = plan->part(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (refuses == CudnnRefuses::execution) return CUDNN_STATUS_NOT_SUPPORTED;
  soragrad::require(kernel_of(*config).first != kUnstable, "[cudnn] this engine's bits change.");
  const auto graph =
      config->part(CUDNN_ATTR_ENGINECFG_ENGINE)->part(CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
  std::vector<Operation> operations;
  for (const auto operation : graph->all<cudnnBackendDescriptor_t>(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    operations.push_back(read_operation(*operation));
  }
  const auto memory = memory_of(*pack, operations);
  enqueue([operations, memory] {
    Run run(memory);
    for (const Operation& operation : operations) run(operation);
    ++done.products;
  });
  return CUDNN_STATUS_SUCCESS;
}

// SPDX-License-Identifier: Apache-2.0
