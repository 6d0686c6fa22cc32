// include/cublasLt.h: products as plain loops.
#include <cublasLt.h>

#include <algorithm>
#include <cstring>

#include "core/dtype.h"
#include "tests/cuda_emulation/cuda_emulation.h"

struct EmulatedCublas {};
struct EmulatedPreference {
  size_t workspace = 0;
  uint32_t alignment_a = 256, alignment_b = 256, alignment_c = 256, alignment_d = 256;
};

namespace soragrad::cuda_emulation {
namespace {

constexpr size_t kWorkspace = 1 << 20;  // that each algorithm wants
constexpr int kAlgorithms = 5;          // of a list

struct Library {
  int refused_in_list = 0, refused_to_run = 0;
  bool refuses_batched_bias = false;
  int last = -1, asked = 0;
};
Library library;

// The largest power of two that divides the address, at most 256.
uintptr_t alignment(const void* pointer) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  return std::min<uintptr_t>(address & (~address + 1), 256);
}

struct Matrix {
  const void* data;
  EmulatedLayout layout;
  bool transposed;

  // The matrix of product `number` of a batch.
  Matrix of(int64_t number) const {
    const size_t size = layout.type == CUDA_R_16BF ? 2 : 4;
    const int64_t bytes = number * layout.batch_stride * static_cast<int64_t>(size);
    return {static_cast<const std::byte*>(data) + bytes, layout, transposed};
  }
  float at(int64_t row, int64_t column) const {
    if (transposed) std::swap(row, column);
    const int64_t place = row + column * layout.ld;
    return layout.type == CUDA_R_16BF ? to_float(static_cast<const bfloat16*>(data)[place])
                                      : static_cast<const float*>(data)[place];
  }
  int64_t columns() const {
    return static_cast<int64_t>(transposed ? layout.rows : layout.columns);
  }
};

// d = a b + beta d + bias, column by column.
void multiply(const Matrix& a, const Matrix& b, float beta, const float* bias, float* d,
              const EmulatedLayout& layout) {
  for (int64_t j = 0; j < static_cast<int64_t>(layout.columns); ++j) {
    for (int64_t i = 0; i < static_cast<int64_t>(layout.rows); ++i) {
      float sum = 0;
      for (int64_t p = 0; p < a.columns(); ++p) sum += a.at(i, p) * b.at(p, j);
      float& element = d[i + j * layout.ld];
      element = sum + (beta != 0 ? beta * element : bias ? bias[i] : 0.0f);
    }
  }
}

// Whether the layouts are those of a product.
bool fits(const EmulatedProduct& product, const EmulatedLayout& a, const EmulatedLayout& b,
          const EmulatedLayout& c) {
  const bool ta = product.transpose_a == CUBLAS_OP_T, tb = product.transpose_b == CUBLAS_OP_T;
  const auto stored = [](const EmulatedLayout& m) { return m.ld >= static_cast<int64_t>(m.rows); };
  return (ta ? a.columns : a.rows) == c.rows && (tb ? b.rows : b.columns) == c.columns &&
         (ta ? a.rows : a.columns) == (tb ? b.columns : b.rows) && a.type == b.type &&
         c.type == CUDA_R_32F && a.batch_count == c.batch_count && b.batch_count == c.batch_count &&
         stored(a) && stored(b) && stored(c) && c.rows > 0 && c.columns > 0 && a.rows > 0 &&
         a.columns > 0;
}

template <typename Member>
cublasStatus_t set_attribute(Member& member, const void* value, size_t bytes) {
  if (bytes != sizeof(member)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&member, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

void refuse_algorithms(int listed, int run) {
  library.refused_in_list = listed;
  library.refused_to_run = run;
}
void refuse_batched_bias(bool refuses) {
  library.refuses_batched_bias = refuses;
}
int last_algorithm() {
  return library.last;
}
int heuristics_asked() {
  return library.asked;
}

}  // namespace soragrad::cuda_emulation

using namespace soragrad::cuda_emulation;

const char* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS         ? "success"
         : status == CUBLAS_STATUS_INVALID_VALUE ? "an invalid value"
                                                 : "not supported";
}
size_t cublasLtGetVersion() {
  return 130000;
}
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new EmulatedCublas;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* product, cublasComputeType_t,
                                        cudaDataType_t) {
  *product = new EmulatedProduct;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, size_t bytes) {
  const auto take = [&](auto& member) { return set_attribute(member, value, bytes); };
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take(product->transpose_a);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return take(product->transpose_b);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return take(product->epilogue);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return take(product->bias);
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
      return take(product->bias_type);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
      return take(product->bias_stride);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
  delete product;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          uint64_t rows, uint64_t columns, int64_t ld) {
  *layout = new EmulatedLayout{type, rows, columns, ld};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, size_t bytes) {
  return attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT
             ? set_attribute(layout->batch_count, value, bytes)
             : set_attribute(layout->batch_stride, value, bytes);
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new EmulatedPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
  const auto take = [&](auto& member) { return set_attribute(member, value, bytes); };
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return take(preference->workspace);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      return take(preference->alignment_a);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      return take(preference->alignment_b);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      return take(preference->alignment_c);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return take(preference->alignment_d);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t product,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results,
                                              int* found) {
  ++library.asked;
  *found = 0;
  if (!fits(*product, *a, *b, *c) || !(*c == *d)) return CUBLAS_STATUS_INVALID_VALUE;
  if (library.refuses_batched_bias && product->bias_stride != 0) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  for (; *found < std::min(wanted, kAlgorithms); ++*found) {
    const bool refused = *found < library.refused_in_list || preference->workspace < kWorkspace;
    const uintptr_t alignment_c = std::min(preference->alignment_c, preference->alignment_d);
    results[*found] = {{*a, *b, *c, product->transpose_a, product->transpose_b, product->epilogue,
                        preference->alignment_a, preference->alignment_b, alignment_c,
                        product->bias ? alignment(product->bias) : 1, kWorkspace, *found},
                       kWorkspace,
                       refused ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS};
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void* alpha,
                              const void* a, cublasLtMatrixLayout_t layout_a, const void* b,
                              cublasLtMatrixLayout_t layout_b, const void* beta, const void* c,
                              cublasLtMatrixLayout_t layout_c, void* d, cublasLtMatrixLayout_t,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              size_t workspace_bytes, cudaStream_t stream) {
  const auto& found = *algorithm;
  const bool has_bias = product->epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (!(found.a == *layout_a && found.b == *layout_b && found.c == *layout_c) ||
      found.transpose_a != product->transpose_a || found.transpose_b != product->transpose_b ||
      found.epilogue != product->epilogue || alignment(a) < found.alignment_a ||
      alignment(b) < found.alignment_b || alignment(d) < found.alignment_c ||
      (has_bias && alignment(product->bias) < found.alignment_bias) || c != d || !workspace ||
      workspace_bytes < found.workspace || *static_cast<const float*>(alpha) != 1) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (found.number < library.refused_in_list + library.refused_to_run) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  library.last = found.number;
  const Matrix left{a, *layout_a, product->transpose_a == CUBLAS_OP_T};
  const Matrix right{b, *layout_b, product->transpose_b == CUBLAS_OP_T};
  const float factor = *static_cast<const float*>(beta);
  const auto* bias = has_bias ? static_cast<const float*>(product->bias) : nullptr;
  enqueue(
      [=, layout = *layout_c, bias_stride = product->bias_stride] {
        for (int64_t i = 0; i < layout.batch_count; ++i) {
          multiply(left.of(i), right.of(i), factor, bias ? bias + i * bias_stride : nullptr,
                   static_cast<float*>(d) + i * layout.batch_stride, layout);
        }
      },
      stream);
  return CUBLAS_STATUS_SUCCESS;
}

// SPDX-License-Identifier: Apache-2.0
