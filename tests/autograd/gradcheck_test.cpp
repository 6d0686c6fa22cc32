// Every row of op_cases against differences. Compiled with real = double only (test_gradcheck).
#include "autograd/gradcheck.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "autograd/graph.h"
#include "autograd/ops.h"
#include "tests/files.h"
#include "tests/op_cases.h"

namespace soragrad {
namespace {

static_assert(sizeof(real) == 8, "differences prove nothing in float");

constexpr double kTolerance = 1e-8;  // of DESIGN 6; differences themselves are good to 1e-11

// First groups of all matches.
std::set<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.insert((*it)[1]);
  }
  return found;
}

std::set<std::string> ops_with_rows() {
  std::set<std::string> names;
  for (const test::OpCase& row : test::op_cases()) names.insert(row.op);
  return names;
}

}  // namespace

TEST_CASE("gradcheck: every op of the table agrees with differences") {
  for (const test::OpCase& row : test::op_cases()) {
    CAPTURE(row.op);
    CAPTURE(row.what);
    const GradcheckResult result = gradcheck(row.call, test::make_variables(row));
    CHECK(result.derivatives > 0);
    CHECK_MESSAGE(result.worst < kTolerance, result.where);
  }
}

TEST_CASE("gradcheck: finds a wrong gradient") {
  const auto wrong_square = [](std::span<const Variable> in) {
    const Tensor x = in[0].value();
    return record("wrong", mul(in[0], in[0]).value(), {in[0]},
                  [x](const Tensor& dy, Gradients& gradients) {
                    Tensor dx = dy.clone();  // 2.0001 x dy instead of 2 x dy
                    for (int64_t i = 0; i < dx.numel(); ++i) dx.data()[i] *= 2.0001 * x.data()[i];
                    gradients.add(0, dx);
                  });
  };
  const Variable x(test::normal({5}, 1), true);
  const GradcheckResult result = gradcheck(wrong_square, std::span(&x, 1));
  CHECK(result.worst > 1e-5);
  CHECK(result.derivatives == 5);
  CHECK_FALSE(result.where.empty());
}

TEST_CASE("gradcheck: finds a gradient that is not a number, wherever it is") {
  const auto broken = [](std::span<const Variable> in) {
    return record("wrong", in[0].value().clone(), {in[0]},
                  [](const Tensor& dy, Gradients& gradients) {
                    Tensor dx = dy.clone();
                    dx.elements()[0] = std::nan("");
                    gradients.add(0, dx);
                  });
  };
  const Variable x(test::normal({3}, 1), true);
  const GradcheckResult result = gradcheck(broken, std::span(&x, 1));
  CHECK(std::isnan(result.worst));
  CHECK(result.where.find("element 0") != std::string::npos);
}

TEST_CASE("gradcheck: every op of the headers has a row in op_cases") {
  const std::filesystem::path folder = std::filesystem::path(SORAGRAD_SOURCE_DIR) / "autograd";
  std::string headers;
  for (const char* header : {"ops.h", "joint_ops.h", "graph.h"}) {
    headers += test::read_text(folder / header);
  }
  std::set<std::string> ops = matches(headers, R"((?:^|\n)Variable (\w+)\()");
  ops.erase("record");  // makes ops and is none
  const std::set<std::string> rows = ops_with_rows();
  CHECK(ops.size() >= 20);
  for (const std::string& op : ops) CHECK_MESSAGE(rows.contains(op), op << " has no row");
  for (const std::string& op : rows)
    CHECK_MESSAGE(ops.contains(op), op << " is in no header of ops");
}

TEST_CASE("gradcheck: every name given to record() has a row in op_cases") {
  const std::set<std::string> rows = ops_with_rows();
  size_t files = 0;
  for (const char* folder : {"autograd", "nn", "models", "sora", "train"}) {
    const auto path = std::filesystem::path(SORAGRAD_SOURCE_DIR) / folder;
    if (!std::filesystem::exists(path)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.path().extension() != ".cpp") continue;
      ++files;
      for (const auto& op : matches(test::read_text(entry.path()), R"(record\(\s*"(\w+)\")")) {
        CHECK_MESSAGE(rows.contains(op), entry.path().string() << " records " << op);
      }
    }
  }
  CHECK(files > 5);
  for (const test::OpCase& row : test::op_cases()) row.call(test::make_variables(row));
  for (const std::string& op : recorded_ops()) {
    if (op != "wrong") CHECK_MESSAGE(rows.contains(op), op << " has no row");
  }
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
