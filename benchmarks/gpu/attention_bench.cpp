// Attention alone, forward and backward, at lengths of 64 to 512: the same work as
// benchmarks/peers/attention.py. Prints a JSON list on one line.
//
//   attention_bench cpu|cuda [TOKENS]      TOKENS: tokens of a batch, 8192 by default
//
// A time is that of many calls in a row, divided by their number. So the larger of the two shows:
// the host's time for a call, or the GPU's.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "benchmarks/attention_case.h"
#include "core/cuda_runtime.h"

namespace soragrad {
namespace {

void wait(Device device) {
  if (device == Device::cuda) cuda::synchronize();
}

// Milliseconds of a call: the best of three turns of some 50 ms each.
template <typename Call>
double milliseconds(Device device, const Call& call) {
  using Clock = std::chrono::steady_clock;
  const auto turn = [&](int calls) {
    wait(device);
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    wait(device);
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count() / calls;
  };
  turn(1);  // caches, and clocks that rise
  const int calls = std::clamp(static_cast<int>(50 / turn(1)), 1, 1000);
  double best = turn(calls);
  for (int i = 0; i < 2; ++i) best = std::min(best, turn(calls));
  return best;
}

void run(Device device, int64_t tokens) {
  const char* separator = "[";
  for (const int64_t length : {64, 128, 256, 512}) {
    const AttentionCase data(tokens, length, device);
    for (const bool positions : {true, false}) {
      for (const bool bf16 : {false, true}) {
        if (bf16 && !kernels::attention_takes_bf16(device, data.kHidden / data.kHeads)) continue;
        const auto forward = data.forward(positions, bf16);
        const auto backward = data.backward(positions, bf16);
        const double there = milliseconds(device, [&] { kernels::attention(device, forward); });
        const double back =
            milliseconds(device, [&] { kernels::attention_backward(device, backward); });
        fmt::print(
            "{}{{\"length\": {}, \"kind\": \"{}\", \"precision\": \"{}\", "
            "\"forward_ms\": {:.4f}, \"backward_ms\": {:.4f}}}",
            separator, length, positions ? "disentangled" : "plain", bf16 ? "bf16" : "fp32", there,
            back);
        separator = ", ";
      }
    }
  }
  fmt::print("]\n");
}

}  // namespace
}  // namespace soragrad

int main(int argc, char** argv) {
  const bool gpu = argc > 1 && std::string(argv[1]) == "cuda";
  soragrad::run(gpu ? soragrad::Device::cuda : soragrad::Device::cpu,
                argc > 2 ? std::stol(argv[2]) : 8192);
}

// SPDX-License-Identifier: Apache-2.0
