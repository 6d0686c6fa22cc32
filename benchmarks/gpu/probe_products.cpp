// cuBLASLt's choices for the products of a layer; see probe.cu.
#include <cublasLt.h>

#include <cstdint>

#include "benchmarks/gpu/probe.h"

namespace probe {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string(what) + ": " + cublasLtGetStatusString(status));
}
using probe::check;

// Row-major y (tokens, out) = x (tokens, in) W^T, or dx = dy W: column-major with the operands
// swapped.
struct Shape {
  int64_t tokens, in, out;
  bool backward;
};

std::vector<Shape> shapes() {
  std::vector<Shape> result;
  constexpr int64_t kSizes[][2] = {{768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  for (const int64_t tokens : {96, 2304, 16384}) {
    for (const auto& size : kSizes) {
      for (const bool backward : {false, true}) {
        result.push_back({tokens, size[0], size[1], backward});
      }
    }
  }
  return result;
}

class Product {
 public:
  static constexpr size_t kWorkspace = size_t{32} << 20;

  Product(const Shape& shape, cudaDataType_t result) {
    const bool back = shape.backward;
    const uint64_t m = back ? shape.in : shape.out, n = shape.tokens,
                   k = back ? shape.out : shape.in;
    check(cublasLtMatmulDescCreate(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a description");
    const cublasOperation_t transpose = back ? CUBLAS_OP_N : CUBLAS_OP_T;
    check(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &transpose,
                                         sizeof(transpose)),
          "an attribute");
    check(cublasLtMatrixLayoutCreate(&a_, CUDA_R_16BF, back ? m : k, back ? k : m, back ? m : k),
          "a layout");
    check(cublasLtMatrixLayoutCreate(&b_, CUDA_R_16BF, k, n, k), "a layout");
    check(cublasLtMatrixLayoutCreate(&c_, result, m, n, m), "a layout");
  }
  ~Product() {
    for (const cublasLtMatrixLayout_t layout : {a_, b_, c_}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(operation_);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  std::vector<cublasLtMatmulHeuristicResult_t> algorithms(cublasLtHandle_t handle,
                                                          int wanted) const {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "a preference");
    const size_t workspace = kWorkspace;
    check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                               &workspace, sizeof(workspace)),
          "a preference");
    std::vector<cublasLtMatmulHeuristicResult_t> found(static_cast<size_t>(wanted));
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle, operation_, a_, b_, c_, c_, preference, wanted, found.data(), &count);
    cublasLtMatmulPreferenceDestroy(preference);
    check(status, "the search");
    found.resize(static_cast<size_t>(count));
    return found;
  }
  // `memory` holds operands and result, then the workspace.
  void run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm, char* memory) const {
    const float one = 1, zero = 0;
    constexpr size_t kPart = size_t{256} << 20;
    check(cublasLtMatmul(handle, operation_, &one, memory, a_, memory + kPart, b_, &zero,
                         memory + 2 * kPart, c_, memory + 2 * kPart, c_, &algorithm,
                         memory + 3 * kPart, kWorkspace, stream()),
          "a product");
  }

 private:
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, c_ = nullptr;
};

void one_product(cublasLtHandle_t handle, const Shape& shape, bool bf16, char* memory) {
  const Product product(shape, bf16 ? CUDA_R_16BF : CUDA_R_32F);
  const auto found = product.algorithms(handle, 8);
  const double flop = 2.0 * static_cast<double>(shape.tokens * shape.in * shape.out);
  std::string list;
  double first = 0, best = 0;
  size_t listed = 0, best_place = 0, nodes = 0, refused = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto run = [&] { product.run(handle, found[i].algo, memory); };
    double us = 0;
    try {
      check(found[i].state, "an algorithm");
      us = microseconds_in_graph(3, run);
      if (nodes == 0) nodes = Graph(run).nodes();
    } catch (const std::exception&) {  // the next one may run; a fault of the GPU ends them all
      check(cudaStreamSynchronize(stream()), "a product");
      ++refused;
      continue;
    }
    if (first == 0) first = us;
    if (best == 0 || us < best) {
      best = us;
      best_place = listed;
    }
    ++listed;
    char text[64];
    std::snprintf(text, sizeof(text), "%s%.2f", list.empty() ? "" : ", ", us);
    list += text;
  }
  std::printf(
      "{\"section\": \"%s %lld: %lld to %lld%s\", \"us\": [%s], \"fastest\": %zu, "
      "\"first_over_fastest\": %.3f, \"tflop_s\": %.1f, \"nodes\": %zu, \"refused\": %zu}\n",
      bf16 ? "product to bf16" : "product", static_cast<long long>(shape.tokens),
      static_cast<long long>(shape.in), static_cast<long long>(shape.out),
      shape.backward ? " backward" : "", list.c_str(), best_place, best > 0 ? first / best : 0,
      best > 0 ? flop / best * 1e-6 : 0, nodes, refused);
  std::fflush(stdout);
}

}  // namespace

size_t product_count() {
  return 2 * shapes().size();
}
size_t cublaslt_version() {
  return cublasLtGetVersion();
}

void products() {
  cublasLtHandle_t handle = nullptr;
  check(cublasLtCreate(&handle), "the start");
  const Memory memory((size_t{768} << 20) + Product::kWorkspace);
  fill_random(memory.as<uint16_t>(), size_t{256} << 20);
  for (const Shape& shape : shapes()) {
    for (const bool bf16 : {false, true}) one_product(handle, shape, bf16, memory.as<char>());
  }
  check(cublasLtDestroy(handle), "the end");
}

}  // namespace probe

// SPDX-License-Identifier: Apache-2.0
