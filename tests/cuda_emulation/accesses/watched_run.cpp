// Every test of this program runs with a GPU's arithmetic and is watched for races and for accesses
// to the host's memory; the program fails if there are any.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "tests/cuda_emulation/accesses/access_checker.h"

namespace soragrad::cuda_emulation {
namespace {

class Watcher : public doctest::IReporter {
 public:
  explicit Watcher(const doctest::ContextOptions& options) : list_(is_list(options)) {}

  void test_run_start() override {
    if (list_) return;
    set_truncating_tensor_cores(true);
    checker_.emplace(Watch::races);
  }
  void test_run_end(const doctest::TestRunStats& /*stats*/) override {
    if (!checker_) return;
    const auto races = checker_->races(), of_host = checker_->host_accesses();
    checker_.reset();
    for (const auto& lines : races) fmt::print("a race between {}\n", lines);
    for (const auto& line : of_host) fmt::print("a kernel reaches memory of the host: {}\n", line);
    if (!races.empty() || !of_host.empty()) std::exit(1);
  }
  void report_query(const doctest::QueryData& /*data*/) override {}
  void test_case_start(const doctest::TestCaseData& /*data*/) override {}
  void test_case_reenter(const doctest::TestCaseData& /*data*/) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*exception*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*data*/) override {}
  void log_message(const doctest::MessageData& /*data*/) override {}
  void test_case_skipped(const doctest::TestCaseData& /*data*/) override {}

 private:
  static bool is_list(const doctest::ContextOptions& options) {
    return options.list_test_cases || options.list_test_suites;
  }
  bool list_;
  std::optional<AccessChecker> checker_;
};

REGISTER_LISTENER("watcher", 1, Watcher);

}  // namespace
}  // namespace soragrad::cuda_emulation

// SPDX-License-Identifier: Apache-2.0
