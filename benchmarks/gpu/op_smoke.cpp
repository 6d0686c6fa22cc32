// Runs every row of the op table on a device, forward and backward, beside the CPU.
//
//   op_smoke cpu|cuda [FIRST]      FIRST: number of the row to begin with
//
// A line a row, separated by tabs: number, "op: what", and then, when it has run, its verdict
// ("ok", "differs" or an error), the largest difference and its limit. The number comes before the
// row runs, so that a row which ends the program is known; so does a row that takes longer than
// kSeconds. With CUDA_LAUNCH_BLOCKING=1 errors name the kernel. The program ends at an error; its
// last line begins with "all" if there was none.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "core/error.h"
#include "core/tensor.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

constexpr unsigned kSeconds = 10;  // of a row, CPU and GPU, and cuDNN's compiler

// The largest difference of the value and all gradients from the CPU's.
double difference_of(const test::OpCase& row, Device device) {
  const test::Outcome expected = test::run_case(row, row.call);
  const test::Outcome actual = test::run_case(row, row.call, device);
  double largest = test::difference(actual.value, expected.value);
  for (size_t i = 0; i < expected.gradients.size(); ++i) {
    largest = std::max(largest, test::difference(actual.gradients[i], expected.gradients[i]));
  }
  return largest;
}

enum class Verdict { ok, differs, error };

Verdict run_row(const test::OpCase& row, Device device) {
  try {
    const double difference = difference_of(row, device);
    const Verdict verdict = difference <= row.tolerance ? Verdict::ok : Verdict::differs;
    fmt::print("\t{}\t{:.3g}\t{:.3g}\n", verdict == Verdict::ok ? "ok" : "differs", difference,
               row.tolerance);
    return verdict;
  } catch (const Error& error) {
    fmt::print("\t{}\n", error.what());
    return Verdict::error;
  }
}

// Ends at an error, after which a GPU answers this process nothing any more.
int run_rows(Device device, size_t first) {
  size_t differing = 0;
  const auto& rows = test::op_cases();
  Tensor::zeros({1}, kReal, device).to_vector();  // the driver's start belongs to no row
  for (size_t i = first; i < rows.size(); ++i) {
    fmt::print("{}\t{}: {}", i, rows[i].op, rows[i].what);
    std::fflush(stdout);
    alarm(kSeconds);
    const Verdict verdict = run_row(rows[i], device);
    alarm(0);
    std::fflush(stdout);
    if (verdict == Verdict::error) return 1;
    differing += verdict == Verdict::differs ? 1 : 0;
  }
  fmt::print("all rows have run, {} differ\n", differing);
  return differing == 0 ? 0 : 1;
}

}  // namespace
}  // namespace soragrad

int main(int argc, char** argv) {
  const bool gpu = argc > 1 && std::string(argv[1]) == "cuda";
  return soragrad::run_rows(gpu ? soragrad::Device::cuda : soragrad::Device::cpu,
                            argc > 2 ? std::stoul(argv[2]) : 0);
}

// SPDX-License-Identifier: Apache-2.0
