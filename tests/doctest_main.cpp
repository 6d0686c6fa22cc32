// main() of every test program: doctest's, plus an exit code for skipped runs.
// A case that cannot run prints MESSAGE("SKIPPED: why") and returns. If all cases of a run did so,
// the program exits with 77, which ctest shows as skipped. A run without any case fails.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <string_view>

namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in tests/CMakeLists.txt

int cases = 0;
int skipped_cases = 0;
bool said_skipped = false;

struct SkipCounter : doctest::IReporter {
  explicit SkipCounter(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override { said_skipped = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {
    ++cases;
    skipped_cases += said_skipped;
  }
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData& message) override {
    said_skipped |= std::string_view(message.m_string.c_str()).starts_with("SKIPPED:");
  }
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("skip_counter", 1, SkipCounter);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (context.shouldExit() || status != 0) return status;
  if (cases == 0) {
    std::fputs("No test case matches.\n", stderr);
    return 1;
  }
  return skipped_cases == cases ? kSkipped : 0;
}

// SPDX-License-Identifier: Apache-2.0
