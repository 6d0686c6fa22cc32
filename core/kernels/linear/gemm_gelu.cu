// The only use of cuDNN. A plan is made once for each shape (cudnn_plan.cuh) and kept; plans of all
// shapes share one compiled kernel for each of three graphs: forward, and backward with and without
// a sum to add to. A plan's kernel depends on its shape alone, so equal shapes give equal bits.
#include "core/kernels/linear/gemm_gelu.h"

#include <array>
#include <map>
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

struct Library {
  cudnnHandle_t handle = nullptr;  // null: cuDNN does not start
  std::array<cudnn::KernelCache, 3> kernels;
  std::map<cudnn::GeluProduct, std::unique_ptr<cudnn::Plan>> plans;  // null: there is none
  bool has_noted = false;

  Library() {
    try {
      cudnn::check(cudnnCreate(&handle), "the start");
      cudnn::check(cudnnSetStream(handle, cuda::stream()), "the stream");
    } catch (const Error& error) {
      handle = nullptr;
      note(error);
    }
  }

  // Null if there is none. What cuDNN refuses costs time, not the run.
  const cudnn::Plan* plan(const cudnn::GeluProduct& product) {
    const auto [place, is_new] = plans.try_emplace(product);
    if (is_new) {
      const int graph = product.backward ? 1 + product.has_added : 0;
      try {
        place->second = cudnn::Plan::make(product, {.handle = handle}, kernels[graph]);
      } catch (const Error& error) {
        note(error);
      }
    }
    return place->second.get();
  }

  void note(const Error& error) {
    if (std::exchange(has_noted, true)) return;
    log_line(fmt::format("{} GELU runs in a kernel of its own.", error.what()));
  }
};

// Never destroyed: the driver may be gone when static objects are destroyed.
Library& library() {
  static auto& result = *new Library;
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

// Queues the plan's kernel. `a` is rounded, unless it is ready.
void run(const cudnn::Plan& plan, const cudnn::GeluProduct& product, const real* a,
         const GemmGeluOperands& ready,
         std::initializer_list<std::pair<cudnn::Uid, const void*>> others) {
  const Tensor rounded = ready.a ? Tensor() : to_bf16(a, product.m, product.k);
  Tensor workspace;
  if (plan.workspace_bytes() > 0) {
    workspace = Tensor::empty({plan.workspace_bytes()}, DType::u8, Device::cuda);
  }
  std::vector<std::pair<cudnn::Uid, const void*>> memory(others);
  memory.emplace_back(cudnn::Uid::a, ready.a ? static_cast<const void*>(ready.a) : rounded.raw());
  cuda::name_launch("a product of cuDNN");
  plan.execute(library().handle, memory, workspace.defined() ? workspace.raw() : nullptr);
  cuda::finish_launch();
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
  run(*plan, product, args.x, args.ready,
      {{cudnn::Uid::b, weights},
       {cudnn::Uid::added, args.bias},
       {cudnn::Uid::before, args.before},
       {cudnn::Uid::result, args.y}});
  return true;
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
  run(*plan, product, args.dy, args.ready,
      {{cudnn::Uid::b, weights},
       {cudnn::Uid::added, args.sum},
       {cudnn::Uid::before, args.before},
       {cudnn::Uid::result, args.dbefore}});
  return true;
}

std::string cudnn_version() {
  const size_t version = cudnnGetVersion();  // 91900 is 9.19.0
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
