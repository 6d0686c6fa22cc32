// The real cuDNN has a plan for each product with GELU of the models, and plans of all batch sizes
// share one compiled kernel.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <string_view>

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

struct Graph {
  bool backward, has_added;
};
constexpr Graph kGraphs[] = {{false, true}, {true, false}, {true, true}};

// (hidden, intermediate) of the base and large models, and of DeBERTaV3-xsmall; `border`: columns
// of the deltas of rank 8 of three Linears.
struct Sizes {
  int64_t hidden, intermediate, border;
};
constexpr Sizes kModels[] = {{768, 3072, 0}, {1024, 4096, 0}, {384, 1536, 0}, {768, 3072, 24}};

GeluProduct product_of(const Graph& graph, const Sizes& sizes, int64_t rows) {
  const int64_t k = sizes.hidden + sizes.border, n = sizes.intermediate;
  return {.backward = graph.backward,
          .has_added = graph.has_added,
          .m = rows,
          .n = n,
          .k = k,
          .pitch = graph.backward ? n + sizes.border : k};
}

}  // namespace

TEST_CASE("cudnn: a plan for every product of a feed-forward network") {
  MESSAGE("cuDNN " << cudnnGetVersion());
  const Descriptor device = described_device();
  for (const Graph& graph : kGraphs) {
    KernelCache cache;
    for (const Sizes& sizes : kModels) {
      for (const int64_t rows : kRows) {
        CAPTURE(graph.backward);
        CAPTURE(graph.has_added);
        CAPTURE(sizes.border);
        CAPTURE(rows);
        const auto plan = Plan::make(product_of(graph, sizes, rows), {.device = &device}, cache);
        REQUIRE(plan);
        CHECK(plan->workspace_bytes() <= 32 << 20);
      }
    }
  }
}

TEST_CASE("cudnn: a plan for other rows takes the configuration that it is given") {
  const Descriptor device = described_device();
  for (const Graph& graph : kGraphs) {
    CAPTURE(graph.backward);
    CAPTURE(graph.has_added);
    const auto make = [&](int64_t rows, KernelCache& cache, const Configuration* wanted) {
      auto plan =
          Plan::make(product_of(graph, kModels[0], rows), {.device = &device}, cache, wanted);
      REQUIRE(plan);
      return plan;
    };
    KernelCache cache;
    const auto typical = make(128, cache, nullptr);
    std::string knobs;
    for (const auto& [type, value] : typical->configuration().knobs) {
      knobs += " " + std::to_string(type) + "=" + std::to_string(value);
    }
    MESSAGE("engine " << typical->configuration().engine << ", choices" << knobs);
    for (const int64_t rows : kRows) {
      const auto plan = make(rows, cache, &typical->configuration());
      CHECK(plan->configuration() == typical->configuration());
    }
    const Configuration none{.engine = 100000};
    CHECK(make(96, cache, &none)->configuration().engine < none.engine);
  }
}

}  // namespace soragrad::kernels::cudnn

// SPDX-License-Identifier: Apache-2.0
