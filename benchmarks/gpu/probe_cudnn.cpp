// cuDNN's properties of the device, and what its heuristic chooses for products with GELU; see
// probe.cu. core/kernels/linear/cudnn_plan.cu, which the library takes such products from, asks it.
#ifdef PROBE_WITH_CUDNN
#include <chrono>

#include "core/kernels/linear/cudnn_plan.cuh"
#endif

#include <cstdint>

#include "benchmarks/gpu/probe.h"

namespace probe {

#ifdef PROBE_WITH_CUDNN
namespace {

using namespace soragrad::kernels::cudnn;

// cuDNN's JSON on one line: a reader takes a line for an object.
std::string device_properties() {
  Descriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, int32_t{0});
  properties.finalize();
  int64_t size = 0;
  const auto get = [&](int64_t wanted, void* text) {
    soragrad::kernels::cudnn::check(
        cudnnBackendGetAttribute(properties.get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                 CUDNN_TYPE_CHAR, wanted, &size, text),
        "the device's properties");
  };
  get(0, nullptr);
  std::string text(static_cast<size_t>(size), ' ');
  get(size, text.data());
  for (char& c : text) c = c < ' ' ? ' ' : c;
  return text.empty() ? "null" : text;
}

// Engine, choices and the seconds that the plan took, by rows. All plans of a direction share their
// compiled kernels.
void plans(cudnnHandle_t handle, bool backward) {
  KernelCache cache;
  std::string list;
  for (const int64_t rows : {128, 96, 2048, 2304, 16384}) {
    const auto start = std::chrono::steady_clock::now();
    const auto plan = Plan::make({.backward = backward,
                                  .has_added = true,
                                  .m = rows,
                                  .n = 3072,
                                  .k = 768,
                                  .pitch = backward ? 3072 : 768},
                                 {.handle = handle}, cache);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::string choices;
    if (plan) {
      for (const auto& [type, value] : plan->configuration().knobs) {
        choices += (choices.empty() ? "[" : ", [") + std::to_string(type) + ", " +
                   std::to_string(value) + "]";
      }
    }
    list += (list.empty() ? "" : ", ") + std::string("{\"rows\": ") + std::to_string(rows) +
            ", \"engine\": " + std::to_string(plan ? plan->configuration().engine : -1) +
            ", \"choices\": [" + choices + "], \"seconds\": " + std::to_string(seconds) + "}";
  }
  std::printf("{\"section\": \"cudnn %s\", \"plans\": [%s]}\n", backward ? "backward" : "forward",
              list.c_str());
}

}  // namespace

void cudnn() {
  std::printf("{\"section\": \"cudnn\", \"version\": %zu, \"properties\": %s}\n", cudnnGetVersion(),
              device_properties().c_str());
}

void cudnn_plans() {
  cudnnHandle_t handle = nullptr;
  soragrad::kernels::cudnn::check(cudnnCreate(&handle), "the start");
  for (const bool backward : {false, true}) plans(handle, backward);
}
#else
void cudnn() {
  throw std::runtime_error("built without the headers of cuDNN 9.8 or newer");
}
void cudnn_plans() {
  cudnn();
}
#endif

}  // namespace probe

// SPDX-License-Identifier: Apache-2.0
