// Entries of target_modules: ends of names, all-linear, regular expressions; hostile expressions
// end soon.
#include "sora/target_pattern.h"

#include <doctest/doctest.h>

#include <string>

#include "core/error.h"
#include "sora/targets.h"
#include "tests/files.h"
#include "tests/sora/toy_model.h"

namespace soragrad::sora {
namespace {

size_t count(const std::string& target) {
  ToyModel model;
  return find_targets(model, {target}).size();
}

}  // namespace

TEST_CASE(
    "target_pattern: a regular expression is matched with whole paths, else with their ends") {
  CHECK(count("/layer\\.[0-3]\\..*query_proj/") == 2);
  CHECK(count("/.*layer\\.1\\..*query_proj/") == 1);
  CHECK(count("/deberta\\.encoder\\.layer\\.0\\.(intermediate|output)\\.dense/") == 2);
  CHECK(count("/layer\\.\\d{1,2}\\.output\\.dense/") == 2);
  CHECK(count("/(query|value)_proj/") == 4);
  // Not a part of a name, and never the head.
  ToyModel model;
  CHECK_THROWS_AS(find_targets(model, {"/query/"}), Error);
  CHECK_THROWS_AS(find_targets(model, {"/classifier/"}), Error);
}

TEST_CASE("target_pattern: an expression that excludes matches whole paths, as in peft") {
  // The ends "0.attention.self.query_proj" and "query_proj" would pass these two.
  CHECK(count("/(?!.*layer\\.0).*query_proj/") == 1);
  CHECK(count("/[^0]*_proj/") == 3);
  CHECK(count("/.*\\.0\\.(?!attention).*/") == 2);
}

TEST_CASE("target_pattern: all-linear is every Linear but the head's") {
  CHECK(count("all-linear") == 12);
}

TEST_CASE("target_pattern: expressions that cannot be read are refused in one line") {
  for (const std::string& text : {std::string("/(/"), std::string("/[/"), std::string("/(a)\\1/"),
                                  "/" + std::string(1000, 'a') + "/",
                                  "/" + std::string(100, '(') + std::string(100, ')') + "/",
                                  std::string("/((a{90}){90}){90}/")}) {
    const std::string message = test::message_of([&] { TargetPattern{text}; });
    CAPTURE(message);
    CHECK(test::contains(message, "[target_modules]"));
    CHECK_FALSE(test::contains(message, "\n"));
    CHECK(message.size() < 500);
  }
}

TEST_CASE("target_pattern: hostile expressions take polynomial time") {
  const std::string path = "deberta.encoder.layer.0.attention.self." + std::string(60, 'a') + "!";
  for (const char* text : {"/(a*)*b/", "/(a|a)*b/", "/(.*)*x/", "/(a+)+$/", "/(.|a|.a)+y/"}) {
    CHECK_FALSE(TargetPattern(text).select({path})[0]);
  }
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
