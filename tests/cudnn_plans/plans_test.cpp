// The real cuDNN has a plan for each product with GELU of the models, and plans of all batch sizes
// share one compiled kernel.
#include <doctest/doctest.h>

#include <span>
#include <string_view>
#include <utility>

#include "core/kernels/linear/cudnn_plan.cuh"

namespace soragrad::kernels::cudnn {
namespace {

// An H200 in cuDNN's terms, written by hand.
constexpr std::string_view kDevice =
    R"({"deviceVer": 900, "driverVer": 13000, "totalGlobalMem": 150323855360,
"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
"multiProcessorCount": 132, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
"maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
"maxRegistersPerSM": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
"maxThreadsPerSM": 2048, "pciDeviceId": 9045, "isTccDriver": 0, "supportCoopLaunch": 1,
"smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560,
"deviceName": "NVIDIA H200", "cudaDeviceId": 0})";

Descriptor described_device() {
  Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span<const char>(kDevice));
  device.finalize();
  return device;
}

// Rows of a batch of CoLA, of one that is not rounded, of RTE, and a full one.
constexpr int64_t kRows[] = {96, 91, 2304, 16384};

}  // namespace

TEST_CASE("cudnn: a plan for every product of a feed-forward network") {
  MESSAGE("cuDNN " << cudnnGetVersion());
  const Descriptor device = described_device();
  // (hidden, intermediate) of the base and large models, and of DeBERTaV3-xsmall.
  constexpr std::pair<int64_t, int64_t> kModels[] = {{768, 3072}, {1024, 4096}, {384, 1536}};
  for (const bool backward : {false, true}) {
    for (const bool has_added : {false, true}) {
      if (!backward && !has_added) continue;
      KernelCache cache;
      for (const auto& [hidden, intermediate] : kModels) {
        for (const int64_t rows : kRows) {
          CAPTURE(backward);
          CAPTURE(has_added);
          CAPTURE(rows);
          const auto plan = Plan::make({.backward = backward,
                                        .has_added = has_added,
                                        .m = rows,
                                        .n = intermediate,
                                        .k = hidden},
                                       {.device = &device}, cache);
          REQUIRE(plan);
          CHECK(plan->workspace_bytes() <= 32 << 20);
        }
      }
    }
  }
}

}  // namespace soragrad::kernels::cudnn

// SPDX-License-Identifier: Apache-2.0
