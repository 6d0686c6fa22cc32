// What a GPU, its driver and NVIDIA's libraries cost, measured without our library: one JSON object
// a line, each with its "section". A section that fails has an "error" and does not end the others.
//
//   probe [--list]      --list: names the sections and runs none; needs no GPU
//
//   device     properties, versions of driver and runtime
//   nodes      microseconds of a node in a captured chain of 800, by kind, and of a launch without
//              graph
//   memory     cycles of a load from L1, L2 and memory; bytes a second of copies and sums
//   products   cuBLASLt's first eight algorithms for the products of a layer, bf16 operands, fp32
//              and bf16 results, 20 calls in a graph: which is fastest, how far the first is from
//              it, and its nodes
//   cudnn      its device properties as JSON, from which plans can be built on machines without a
//              GPU
//   cudnn plans  the engine and the choices of its heuristic for products with GELU
#include "benchmarks/gpu/probe.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace probe {
namespace {

void device() {
  cudaDeviceProp p{};
  check(cudaGetDeviceProperties(&p, 0), "the properties");
  int driver = 0, runtime = 0, clock = 0, memory_clock = 0;
  check(cudaDriverGetVersion(&driver), "the driver");
  check(cudaRuntimeGetVersion(&runtime), "the runtime");
  check(cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, 0), "the clock");
  check(cudaDeviceGetAttribute(&memory_clock, cudaDevAttrMemoryClockRate, 0), "the clock");
  std::printf(
      "{\"section\": \"device\", \"name\": \"%s\", \"capability\": \"%d.%d\", \"sms\": %d, "
      "\"sm_mhz\": %d, \"memory_mhz\": %d, \"memory_bytes\": %zu, \"l2_bytes\": %d, "
      "\"shared_bytes_of_block\": %zu, \"driver\": %d, \"runtime\": %d, \"cublaslt\": %zu}\n",
      p.name, p.major, p.minor, p.multiProcessorCount, clock / 1000, memory_clock / 1000,
      p.totalGlobalMem, p.l2CacheSize, p.sharedMemPerBlockOptin, driver, runtime,
      cublaslt_version());
}

__global__ void empty_kernel(int* x) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
  if (x && threadIdx.x > 1023) *x = 1;
}

// One launch that may begin before the kernel before it has ended (programmatic dependent launch).
void launch_early(int* x) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(132);
  config.blockDim = dim3(128);
  config.stream = stream();
  config.attrs = &attribute;
  config.numAttrs = 1;
  check(cudaLaunchKernelEx(&config, empty_kernel, x), "a launch");
}

void nodes() {
  constexpr int kNodes = 800;
  const Memory memory(1 << 20);
  const auto plain = [&] { empty_kernel<<<132, 128, 0, stream()>>>(memory.as<int>()); };
  const auto per_node = [&](const std::function<void(int)>& work) {
    Graph graph([&] {
      for (int i = 0; i < kNodes; ++i) work(i);
    });
    return microseconds(9, 2, [&] { graph.launch(); }) / kNodes;
  };
  const double launched = microseconds(9, kNodes, plain);
  const double kernel = per_node([&](int) { plain(); });
  const double early = per_node([&](int) { launch_early(memory.as<int>()); });
  const double set = per_node([&](int i) {
    i % 2 ? plain() : check(cudaMemsetAsync(memory.as<char>(), 0, 4096, stream()), "a fill");
  });
  const double copy = per_node([&](int i) {
    if (i % 2) return plain();
    check(cudaMemcpyAsync(memory.as<char>(), memory.as<char>() + 4096, 4096,
                          cudaMemcpyDeviceToDevice, stream()),
          "a copy");
  });
  const double one = per_node([&](int) { empty_kernel<<<1, 32, 0, stream()>>>(memory.as<int>()); });
  std::printf(
      "{\"section\": \"nodes\", \"launch_us\": %.3f, \"kernel_us\": %.3f, \"early_kernel_us\": "
      "%.3f, \"one_block_us\": %.3f, \"fill_and_kernel_us\": %.3f, \"copy_and_kernel_us\": %.3f}\n",
      launched, kernel, early, one, set, copy);
}

// Follows a chain of indices; cycles of all loads.
__global__ void chase(const uint32_t* next, int loads, int64_t* cycles, uint32_t* end) {
  uint32_t at = 0;
  for (int i = 0; i < loads; ++i) at = next[at];
  const int64_t begin = clock64();
  for (int i = 0; i < loads; ++i) at = next[at];
  *cycles = clock64() - begin;
  *end = at;
}

// Cycles of a load of a chain that visits all lines of `bytes`, in an order without pattern.
double cycles_of_load(size_t bytes) {
  constexpr size_t kLine = 32;  // indices: 128 bytes
  const size_t lines = bytes / (kLine * sizeof(uint32_t));
  std::vector<uint32_t> order(lines), next(lines * kLine);
  std::iota(order.begin(), order.end(), 0u);
  uint64_t state = 1;
  for (size_t i = lines - 1; i > 0; --i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::swap(order[i], order[(state >> 33) % (i + 1)]);
  }
  std::rotate(order.begin(), std::find(order.begin(), order.end(), 0u), order.end());
  for (size_t i = 0; i < lines; ++i) {
    next[order[i] * kLine] = static_cast<uint32_t>(order[(i + 1) % lines] * kLine);
  }
  const Memory chain(bytes), result(16);
  // In the stream: it does not wait for copies of another one.
  check(cudaMemcpyAsync(chain.as<void>(), next.data(), bytes, cudaMemcpyHostToDevice, stream()),
        "a copy");
  const int loads = lines <= 65536 ? static_cast<int>(lines) : 4096;  // of a small chain all
  chase<<<1, 1, 0, stream()>>>(chain.as<uint32_t>(), loads, result.as<int64_t>(),
                               result.as<uint32_t>() + 2);
  int64_t cycles = 0;
  check(cudaStreamSynchronize(stream()), "a kernel");
  check(cudaMemcpy(&cycles, result.as<void>(), 8, cudaMemcpyDeviceToHost), "a copy");
  return static_cast<double>(cycles) / loads;
}

__global__ void copy_fours(const float4* x, float4* y, size_t n) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) y[i] = x[i];
}

__global__ void sum_fours(const float4* x, float* y, size_t n) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  float sum = 0;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) {
    sum += x[i].x + x[i].y + x[i].z + x[i].w;
  }
  if (sum != 0) y[0] = sum;
}

void memory() {
  const double l1 = cycles_of_load(64 << 10), l2 = cycles_of_load(8 << 20),
               far = cycles_of_load(size_t{512} << 20);
  constexpr size_t kBytes = size_t{1} << 30;
  const Memory x(kBytes), y(kBytes);
  check(cudaMemsetAsync(x.as<void>(), 0, kBytes, stream()), "a fill");
  const auto rate = [](double bytes, double us) { return bytes / us * 1e-6; };  // TB/s
  const auto copy = [&](size_t bytes, int calls) {
    return rate(2.0 * static_cast<double>(bytes), microseconds(5, calls, [&, bytes] {
                  copy_fours<<<132 * 8, 256, 0, stream()>>>(x.as<float4>(), y.as<float4>(),
                                                            bytes / 16);
                }));
  };
  const double sum =
      rate(kBytes, microseconds(5, 4, [&] {
             sum_fours<<<132 * 8, 256, 0, stream()>>>(x.as<float4>(), y.as<float>(), kBytes / 16);
           }));
  const double engine = rate(2.0 * kBytes, microseconds(5, 4, [&] {
                               check(cudaMemcpyAsync(y.as<void>(), x.as<void>(), kBytes,
                                                     cudaMemcpyDeviceToDevice, stream()),
                                     "a copy");
                             }));
  std::printf(
      "{\"section\": \"memory\", \"l1_cycles\": %.0f, \"l2_cycles\": %.0f, \"memory_cycles\": "
      "%.0f, "
      "\"copy_tb_s\": %.3f, \"copy_in_l2_tb_s\": %.3f, \"read_tb_s\": %.3f, \"memcpy_tb_s\": "
      "%.3f}\n",
      l1, l2, far, copy(kBytes, 4), copy(8 << 20, 50), sum, engine);
}

__global__ void random_kernel(uint16_t* x, size_t n) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) {
    const uint32_t bits = static_cast<uint32_t>(i) * 2654435761u;
    x[i] = static_cast<uint16_t>((bits & 0x8000u) | 0x3c00u | (bits >> 16 & 0x1ffu));  // bf16
  }
}

struct Section {
  const char* name;
  void (*run)();
};
constexpr Section kSections[] = {{"device", device}, {"nodes", nodes},
                                 {"memory", memory}, {"products", products},
                                 {"cudnn", cudnn},   {"cudnn plans", cudnn_plans}};

bool run(const Section& section) {
  try {
    section.run();
  } catch (const std::exception& error) {
    std::string text = error.what();
    for (char& c : text) c = c == '"' || c == '\\' || c < ' ' ? '\'' : c;
    std::printf("{\"section\": \"%s\", \"error\": \"%s\"}\n", section.name, text.c_str());
    return false;
  }
  std::fflush(stdout);
  return true;
}

}  // namespace

void warm_up() {
  static bool is_warm = false;
  if (is_warm) return;
  is_warm = true;
  const Memory x(64 << 20), y(64 << 20);
  check(cudaMemsetAsync(x.as<void>(), 0, 64 << 20, stream()), "a fill");
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(300)) {
    copy_fours<<<132 * 8, 256, 0, stream()>>>(x.as<float4>(), y.as<float4>(), (64 << 20) / 16);
    check(cudaStreamSynchronize(stream()), "a kernel");
  }
}

void fill_random(uint16_t* x, size_t n) {
  random_kernel<<<1024, 256, 0, stream()>>>(x, n);
}

}  // namespace probe

int main(int argc, char** argv) {
  using namespace probe;
  if (argc > 1 && std::strcmp(argv[1], "--list") == 0) {
    for (const Section& section : kSections) std::printf("{\"section\": \"%s\"}\n", section.name);
    std::printf("{\"section\": \"shapes\", \"products\": %zu}\n", product_count());
    return 0;
  }
  bool ok = true;
  for (const Section& section : kSections) ok &= run(section);
  return ok ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
