// Each barrier of the kernels, fences among them, is removed in turn, and something must show that
// it is missing: a race, or an error.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>

#include "core/error.h"
#include "core/kernels/linear/transpose.h"
#include "core/kernels/optim/adamw.h"
#include "core/kernels/optim/rank_allocation.h"
#include "tests/cuda_emulation/accesses/access_checker.h"
#include "tests/files.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

namespace fs = std::filesystem;
using cuda_emulation::AccessChecker;
using cuda_emulation::Barrier;
using cuda_emulation::Watch;

struct Workload {
  std::string name;
  std::function<void()> run;
};

// One update of a segment of 600 parameters.
void update_parameters() {
  const kernels::AdamWSegment segment{.begin = 0, .end = 600, .lr = 1e-2};
  Tensor table = Tensor::empty({sizeof(segment)}, DType::u8);
  std::memcpy(table.raw(), &segment, sizeof(segment));
  table = table.to(Device::cuda);
  const Tensor value = Tensor::zeros({600}, kReal, Device::cuda);
  const Tensor m = Tensor::zeros({600}, kReal, Device::cuda);
  const Tensor v = Tensor::zeros({600}, kReal, Device::cuda);
  const Tensor grad = Tensor::full({600}, 1, Device::cuda);
  kernels::adamw(Device::cuda,
                 {.value = value.data(),
                  .grad = grad.data(),
                  .m = m.data(),
                  .v = v.data(),
                  .segments = reinterpret_cast<const kernels::AdamWSegment*>(table.raw()),
                  .segment_count = 1,
                  .grad_scale = nullptr});
}

// The scores of one triplet matrix of rank 1 with 300 columns, each a sum of two sums of a block.
void score_ranks() {
  const kernels::RankPlan plan{.smooths = true};
  Tensor on_device = Tensor::empty({sizeof(plan)}, DType::u8);
  std::memcpy(on_device.raw(), &plan, sizeof(plan));
  on_device = on_device.to(Device::cuda);
  const Tensor values = Tensor::full({602}, 1, Device::cuda);
  const Tensor sensitivity = Tensor::zeros({601}, kReal, Device::cuda);
  const Tensor uncertainty = Tensor::zeros({601}, kReal, Device::cuda);
  const Tensor grad_scale = Tensor::full({}, 1, Device::cuda);
  kernels::RankScoresArgs args{.count = 1,
                               .sensitivity = sensitivity.data(),
                               .uncertainty = uncertainty.data(),
                               .grad_scale = grad_scale.data(),
                               .plan = reinterpret_cast<const kernels::RankPlan*>(on_device.raw()),
                               .beta1 = real(0.85),
                               .beta2 = real(0.8)};
  const auto part = [&](int64_t begin) {
    return kernels::RankScoresArgs::Parameter{values.data() + begin, values.data() + begin, begin};
  };
  args.parts[0] = {part(0), part(300), part(301), 1, 300, 300, values.data() + 601};
  kernels::rank_scores(Device::cuda, args);
}

void transpose() {
  const Tensor x = Tensor::zeros({40, 70}, kReal, Device::cuda);
  const Tensor y = Tensor::zeros({70, 40}, kReal, Device::cuda);
  kernels::transpose(Device::cuda, {.x = x.data(), .y = y.data(), .rows = 40, .columns = 70});
}

std::vector<Workload> workloads() {
  std::vector<Workload> result;
  for (const test::OpCase& row : test::op_cases()) {
    result.push_back(
        {row.op + ": " + row.what, [&row] { test::run_case(row, row.call, Device::cuda); }});
  }
  result.push_back({"adamw", update_parameters});
  result.push_back({"rank_scores", score_ranks});
  result.push_back({"transpose", transpose});
  return result;
}

// Runs one and returns whether its barriers order all that they must.
bool is_right(const Workload& workload) {
  const AccessChecker checker(Watch::races);
  try {
    workload.run();
    return checker.races().empty();
  } catch (const Error&) {
    return false;
  }
}

std::string name_of(const Barrier& barrier) {
  return fs::path(barrier.file).filename().string() + ":" + std::to_string(barrier.line);
}

// "attention.cu:42" of each line below core/ that calls a barrier.
std::set<std::string> barriers_in_sources() {
  std::set<std::string> result;
  const fs::path root = fs::path(SORAGRAD_SOURCE_DIR) / "core";
  const std::regex call(R"(^[^/]*__(syncthreads|syncwarp|threadfence)\()");
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".cu" && extension != ".cuh") continue;
    std::istringstream text(test::read_text(entry.path()));
    int number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      if (!std::regex_search(line, call)) continue;
      result.insert(entry.path().filename().string() + ":" + std::to_string(number));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("mutants: every barrier of every kernel is needed, and missed if it is not there") {
  std::map<Barrier, std::vector<const Workload*>> workloads_of;
  const std::vector<Workload> all = workloads();
  std::set<std::string> met;
  for (const Workload& workload : all) {
    CAPTURE(workload.name);
    const AccessChecker checker(Watch::races);
    workload.run();
    CHECK(checker.races().empty());
    for (const Barrier& barrier : cuda_emulation::barriers_met()) {
      workloads_of[barrier].push_back(&workload);
      met.insert(name_of(barrier));
    }
  }
  for (const std::string& barrier : barriers_in_sources()) {
    CAPTURE(barrier);
    CHECK(met.contains(barrier));
  }
  for (const auto& [barrier, some] : workloads_of) {
    const std::string removed = name_of(barrier);
    CAPTURE(removed);
    cuda_emulation::remove_barrier(barrier);
    CHECK_FALSE(std::all_of(some.begin(), some.end(), [](auto* w) { return is_right(*w); }));
    cuda_emulation::remove_barrier({});
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
