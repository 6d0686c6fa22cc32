// The only use of cuDNN. A plan is made once for each shape (cudnn_plan.cuh) and kept. Its engine
// is the one that cuDNN's heuristic names for a typical number of rows, of which there are three:
// so plans of all shapes share few compiled kernels for each of three graphs - forward, and
// backward with and without a sum to add to - and equal shapes give equal bits, whatever came
// before them.
#include "core/kernels/linear/gemm_gelu.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "core/console.h"
#include "core/cuda_runtime.h"
#include "core/cuda_stream.cuh"
#include "core/error.h"
#include "core/kernels/linear/cudnn_plan.cuh"
#include "core/kernels/linear/to_bf16.cuh"
#include "core/profile.h"

namespace soragrad::kernels {
namespace {

static_assert(kReal == DType::f32, "the graphs' tensors are fp32");

constexpr size_t kOldest = 90800;  // cuDNN 9.8

// Empty if cuDNN may be called.
std::string reason_against() {
  const char* wish = std::getenv("SORAGRAD_CUDNN");
  if (wish && std::string_view(wish) == "0") return "SORAGRAD_CUDNN=0";
  const size_t version = cudnnGetVersion();
  if (version == 0) return "libcudnn.so.9 is not found";
  return version < kOldest ? "it is older than 9.8" : "";
}

// Rows for which the heuristic is asked in place of m: those of few rows take smaller tiles.
int64_t typical_rows(int64_t m) {
  return m <= 256 ? 128 : m <= 4096 ? 2048 : 16384;
}

struct Library {
  cudnnHandle_t handle = nullptr;  // null: cuDNN does not start, or is not wanted
  std::array<cudnn::KernelCache, 3> kernels;
  std::map<cudnn::GeluProduct, std::unique_ptr<cudnn::Plan>> plans;  // null: there is none
  CudnnUse use;

  Library() {
    use.unused = reason_against();
    if (use.unused == "SORAGRAD_CUDNN=0") return;
    try {
      require(use.unused.empty(), "[cudnn] {}.", use.unused);
      cudnn::check(cudnnCreate(&handle), "the start");
      cudnn::check(cudnnSetStream(handle, cuda::stream()), "the stream");
    } catch (const Error& error) {
      handle = nullptr;
      note(error.what());
    }
  }

  // Null if there is none. What cuDNN refuses costs time, not the run.
  const cudnn::Plan* plan(const cudnn::GeluProduct& product) {
    const auto [place, is_new] = plans.try_emplace(product);
    if (is_new) place->second = make(product);
    return place->second.get();
  }

  std::unique_ptr<cudnn::Plan> make(const cudnn::GeluProduct& product) {
    cudnn::GeluProduct typical = product;
    typical.m = typical_rows(product.m);
    const cudnn::Plan* before = typical == product ? nullptr : plan(typical);
    const auto start = std::chrono::steady_clock::now();
    std::unique_ptr<cudnn::Plan> made;
    try {
      made = cudnn::Plan::make(product, {.handle = handle},
                               kernels[product.backward ? 1 + product.has_added : 0],
                               before ? &before->configuration() : nullptr);
      if (!made) {
        note(fmt::format("[cudnn] it has no kernel for the product of ({}, {}) and ({}, {}).",
                         product.m, product.k, product.k, product.n));
      }
    } catch (const Error& error) {
      note(error.what());
    }
    use.plans += made != nullptr;
    use.plan_seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return made;
  }

  // A line on stderr tells of the first refusal alone.
  void note(const std::string& what) {
    if (!use.refused.empty()) return;
    use.refused = what;
    log_line(fmt::format("{} GELU runs in a kernel of its own.", what));
  }
};

bool has_library = false;  // some product has asked for it

// Never destroyed: the driver may be gone when static objects are destroyed.
Library& library() {
  static auto& result = *new Library;
  has_library = true;
  return result;
}

bool is_aligned(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % 16 == 0;
}

// The plan for a product if its arrays and sizes fit cuDNN's kernels; null: take another way.
const cudnn::Plan* plan_for(const cudnn::GeluProduct& product,
                            std::initializer_list<const void*> arrays) {
  if (product.m == 0 || product.n % 8 != 0 || product.k % 8 != 0 || product.k == 0) return nullptr;
  for (const void* array : arrays) {
    if (!is_aligned(array)) return nullptr;
  }
  return library().handle ? library().plan(product) : nullptr;
}

// Queues the kernel of the product's plan. `a` is rounded, unless it is ready. False if cuDNN
// refuses: it has queued nothing, and is not asked again for this product.
bool run(const cudnn::Plan& plan, const cudnn::GeluProduct& product, const real* a,
         const GemmGeluOperands& ready,
         std::initializer_list<std::pair<cudnn::Uid, const void*>> others) {
  const Tensor rounded = ready.a ? Tensor() : to_bf16(a, product.m, product.k);
  Tensor workspace;
  if (plan.workspace_bytes() > 0) {
    workspace = Tensor::empty({plan.workspace_bytes()}, DType::u8, Device::cuda);
  }
  std::vector<std::pair<cudnn::Uid, const void*>> memory(others);
  memory.emplace_back(cudnn::Uid::a, ready.a ? static_cast<const void*>(ready.a) : rounded.raw());
  try {
    plan.execute(library().handle, memory, workspace.defined() ? workspace.raw() : nullptr);
  } catch (const Error& error) {
    static_cast<void>(cudaGetLastError());  // told here, not by the next launch
    library().note(error.what());
    library().plans.at(product) = nullptr;
    return false;
  }
  cuda::name_launch("a product of cuDNN");
  cuda::finish_launch();
  return true;
}

const void* weights_of(const std::byte* weight, const GemmGeluOperands& ready) {
  return ready.a ? static_cast<const void*>(ready.weights) : weight;
}

profile::Cost cost_of(const cudnn::GeluProduct& p) {
  const double numbers = static_cast<double>(p.m * (p.k + 3 * p.n));
  return {2.0 * static_cast<double>(p.m * p.n * p.k),
          numbers * sizeof(real) + static_cast<double>(p.k * p.n) * 2};
}

}  // namespace

bool gemm_gelu(const GemmGeluArgs& args) {
  const cudnn::GeluProduct product{.backward = false,
                                   .has_added = true,
                                   .m = args.m,
                                   .n = args.n,
                                   .k = args.k,
                                   .pitch = args.ready.a ? args.ready.pitch : args.k};
  if (!args.bias) return false;
  const void* weights = weights_of(args.weight, args.ready);
  const cudnn::Plan* plan = plan_for(product, {weights, args.bias, args.before, args.y});
  if (!plan) return false;
  const profile::Span span(profile::Kind::kernel, "gemm_gelu", cost_of(product), Device::cuda);
  return run(*plan, product, args.x, args.ready,
             {{cudnn::Uid::b, weights},
              {cudnn::Uid::added, args.bias},
              {cudnn::Uid::before, args.before},
              {cudnn::Uid::result, args.y}});
}

bool gemm_gelu_backward(const GemmGeluBackwardArgs& args) {
  const cudnn::GeluProduct product{.backward = true,
                                   .has_added = args.sum != nullptr,
                                   .m = args.m,
                                   .n = args.n,
                                   .k = args.k,
                                   .pitch = args.ready.a ? args.ready.pitch : args.n};
  const void* weights = weights_of(args.weight, args.ready);
  const cudnn::Plan* plan = plan_for(product, {weights, args.sum, args.before, args.dbefore});
  if (!plan) return false;
  const profile::Span span(profile::Kind::kernel, "gemm_gelu_backward", cost_of(product),
                           Device::cuda);
  return run(*plan, product, args.dy, args.ready,
             {{cudnn::Uid::b, weights},
              {cudnn::Uid::added, args.sum},
              {cudnn::Uid::before, args.before},
              {cudnn::Uid::result, args.dbefore}});
}

CudnnUse cudnn_use() {
  CudnnUse use = has_library ? library().use : CudnnUse{.unused = reason_against()};
  const size_t version = cudnnGetVersion();  // 91900 is 9.19.0
  if (version > 0) {
    use.version = fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
  }
  return use;
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
