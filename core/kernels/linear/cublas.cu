// cuBLASLt's heuristic is asked once for each shape, and the first of its algorithms that runs is
// kept: asking takes longer than a small product. There is one stream and one workspace, so equal
// shapes take equal algorithms and give equal bits within a process.
#include "core/kernels/linear/cublas.cuh"

#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/cuda_runtime.h"
#include "core/cuda_stream.cuh"
#include "core/error.h"
#include "core/gpu_identity.h"

namespace soragrad::kernels {
namespace {

constexpr size_t kWorkspaceBytes = size_t{32} << 20;  // cuBLAS's own default on Hopper
constexpr int kCandidates = 8;                        // algorithms that are tried for a shape

void check(cublasStatus_t status, const char* what) {
  require(status == CUBLAS_STATUS_SUCCESS, "[gemm] {} of cuBLASLt failed: {}.", what,
          cublasLtGetStatusString(status));
}

// The library's handle and the workspace that all products share.
struct Handle {
  cublasLtHandle_t lt = nullptr;
  void* workspace = nullptr;

  Handle() {
    check(cublasLtCreate(&lt), "the start");
    cuda::check(cudaMalloc(&workspace, kWorkspaceBytes), "allocating cuBLASLt's workspace");
  }
};

// Never destroyed: the driver may be gone when static objects are destroyed.
Handle& handle() {
  static auto& result = *new Handle;
  return result;
}

// What determines the algorithm: flags (transposes, bias, accumulate, type), sizes, leading
// dimensions, alignments, batch. The bias counts too: the heuristic looks at its address
// (cublasLt.h, cublasLtMatmulAlgoGetHeuristic).
using Key = std::array<int64_t, 16>;

// The largest power of two that divides the address, at most 256.
uint32_t alignment(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return static_cast<uint32_t>(std::min<uintptr_t>(address & (~address + 1), 256));
}

Key key_of(const ColumnMajorGemm& args) {
  const int flags = args.transpose_a + 2 * args.transpose_b + 4 * (args.bias != nullptr) +
                    8 * args.accumulate + 16 * (args.operands == DType::bf16);
  return {flags,
          args.m,
          args.n,
          args.k,
          args.lda,
          args.ldb,
          args.ldc,
          alignment(args.a),
          alignment(args.b),
          alignment(args.c),
          args.bias ? alignment(args.bias) : 0,
          args.batch.count,
          args.batch.a,
          args.batch.b,
          args.batch.c,
          args.batch.bias};
}

// The descriptors of one product, freed at its end.
struct Product {
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;

  explicit Product(const ColumnMajorGemm& args) {
    check(cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a description");
    set(CUBLASLT_MATMUL_DESC_TRANSA, args.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(CUBLASLT_MATMUL_DESC_TRANSB, args.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (args.bias) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, args.bias);
      set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
    }
    const cudaDataType_t operands = args.operands == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
    layout(&a, operands, args.transpose_a ? args.k : args.m, args.transpose_a ? args.m : args.k,
           args.lda);
    layout(&b, operands, args.transpose_b ? args.n : args.k, args.transpose_b ? args.k : args.n,
           args.ldb);
    layout(&c, CUDA_R_32F, args.m, args.n, args.ldc);
    const ColumnMajorGemm::Batch& batch = args.batch;
    if (batch.count == 1) return;
    if (args.bias) set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, batch.bias);
    repeat(a, batch.count, batch.a);
    repeat(b, batch.count, batch.b);
    repeat(c, batch.count, batch.c);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;
  ~Product() {
    for (const cublasLtMatrixLayout_t matrix : {a, b, c}) {
      if (matrix) cublasLtMatrixLayoutDestroy(matrix);
    }
    if (operation) cublasLtMatmulDescDestroy(operation);
  }

 private:
  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof(value)),
          "an attribute");
  }
  static void layout(cublasLtMatrixLayout_t* matrix, cudaDataType_t type, int64_t rows,
                     int64_t columns, int64_t ld) {
    check(cublasLtMatrixLayoutCreate(matrix, type, static_cast<uint64_t>(rows),
                                     static_cast<uint64_t>(columns), ld),
          "a layout");
  }
  static void repeat(cublasLtMatrixLayout_t matrix, int64_t count, int64_t stride) {
    const auto number = static_cast<int32_t>(count);
    check(cublasLtMatrixLayoutSetAttribute(matrix, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &number,
                                           sizeof(number)),
          "a batch");
    check(cublasLtMatrixLayoutSetAttribute(matrix, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                           &stride, sizeof(stride)),
          "a batch");
  }
};

struct Algorithm {  // a type with a name: nvcc 13.0 does not compile vectors of one without
  cublasLtMatmulAlgo_t lt;
};

// The heuristic's algorithms within our workspace and alignments, the best first. Empty if it has
// none.
std::vector<Algorithm> candidates(const ColumnMajorGemm& args, const Product& product) {
  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "a preference");
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof(value)),
          "a preference");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment(args.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment(args.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment(args.c));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment(args.c));
  cublasLtMatmulHeuristicResult_t results[kCandidates] = {};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle().lt, product.operation, product.a, product.b, product.c, product.c, preference,
      kCandidates, results, &found);
  cublasLtMatmulPreferenceDestroy(preference);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
  check(status, "the search for an algorithm");
  std::vector<Algorithm> algorithms;
  for (int i = 0; i < found; ++i) {
    if (results[i].state == CUBLAS_STATUS_SUCCESS) algorithms.push_back({results[i].algo});
  }
  return algorithms;
}

// Queues the product. An algorithm that does not fit is refused before anything is queued.
cublasStatus_t multiply(const ColumnMajorGemm& args, const Product& product,
                        const cublasLtMatmulAlgo_t& algorithm) {
  const float alpha = 1, beta = args.accumulate ? 1 : 0;
  return cublasLtMatmul(handle().lt, product.operation, &alpha, args.a, product.a, args.b,
                        product.b, &beta, args.c, product.c, args.c, product.c, &algorithm,
                        handle().workspace, kWorkspaceBytes, cuda::stream());
}

// A batch with a bias for each of its products: no version of cuBLASLt promises a kernel for it.
bool may_be_split(const ColumnMajorGemm& args) {
  return args.bias && args.batch.count > 1;
}

// Queues the product with the first algorithm that is not refused. -> that algorithm, or nothing,
// where none was queued and the batch may be split.
std::optional<Algorithm> choose(const ColumnMajorGemm& args, const Product& product) {
  const std::vector<Algorithm> algorithms = candidates(args, product);
  cublasStatus_t status = CUBLAS_STATUS_NOT_SUPPORTED;
  for (const Algorithm& algorithm : algorithms) {
    status = multiply(args, product, algorithm.lt);
    if (status == CUBLAS_STATUS_SUCCESS) return algorithm;
  }
  if (may_be_split(args)) return std::nullopt;
  check(status, algorithms.empty() ? "the search for an algorithm" : "a product");
  return std::nullopt;
}

// Each product of a batch by itself.
void multiply_one_by_one(const ColumnMajorGemm& args) {
  const auto size = static_cast<int64_t>(size_of(args.operands));
  for (int64_t i = 0; i < args.batch.count; ++i) {
    ColumnMajorGemm one = args;
    one.batch = {};
    one.a = static_cast<const std::byte*>(args.a) + i * args.batch.a * size;
    one.b = static_cast<const std::byte*>(args.b) + i * args.batch.b * size;
    one.c = args.c + i * args.batch.c;
    one.bias = args.bias + i * args.batch.bias;
    column_major_gemm(one);
  }
}

}  // namespace

void column_major_gemm(const ColumnMajorGemm& args) {
  // No algorithm: the batch is split.
  static auto& algorithms = *new std::map<Key, std::optional<Algorithm>>;
  const Product product(args);
  require_aligned(args.bias);
  cuda::name_launch("a product of cuBLASLt");
  const Key key = key_of(args);
  auto found = algorithms.find(key);
  if (found != algorithms.end() && found->second) {
    check(multiply(args, product, found->second->lt), "a product");
  } else if (found == algorithms.end()) {
    found = algorithms.emplace(key, choose(args, product)).first;
  }
  if (!found->second) return multiply_one_by_one(args);
  cuda::finish_launch();
}

}  // namespace soragrad::kernels

namespace soragrad::cuda {

std::string product_library() {
  return fmt::format("cuBLASLt {}", cublasLtGetVersion());
}

}  // namespace soragrad::cuda

// SPDX-License-Identifier: Apache-2.0
