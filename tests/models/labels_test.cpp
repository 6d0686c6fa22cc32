// Classes of a task in a model, by name.
#include "models/labels.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "tests/files.h"

namespace soragrad::models {
namespace {

using Names = std::vector<std::string>;

const Names kTask = {"entailment", "neutral", "contradiction"};

}  // namespace

TEST_CASE("labels: names that only count are no names") {
  CHECK_FALSE(are_named(Names{}));
  CHECK_FALSE(are_named(Names{"LABEL_0", "LABEL_1"}));
  CHECK_FALSE(are_named(Names{"label_0", "1"}));
  CHECK_FALSE(are_named(Names{"", ""}));
  CHECK(are_named(Names{"LABEL_1", "LABEL_0"}));
  CHECK(are_named(Names{"1", "0"}));
  CHECK(are_named(Names{"no", "yes"}));
}

TEST_CASE("labels: a task's classes are found without regard to case") {
  const auto found = find_classes(Names{"CONTRADICTION", "Neutral", "entailment"}, kTask);
  REQUIRE(found);
  CHECK((*found)[0] == 2);
  CHECK((*found)[1] == 1);
  CHECK((*found)[2] == 0);
  const auto unnamed = find_classes(Names{}, kTask);
  REQUIRE(unnamed);
  CHECK((*unnamed)[2] == 2);
  CHECK_FALSE(find_classes(Names{"joy", "anger", "fear"}, kTask));
  CHECK_FALSE(find_classes(Names{"entailment", "neutral", "neutral"}, kTask));
  CHECK_FALSE(find_classes(Names{"entailment", "neutral"}, kTask));
  CHECK_FALSE(find_classes(Names{"LABEL_0", "LABEL_1"}, kTask));
}

TEST_CASE("labels: names that differ in case alone are told apart by it") {
  const auto found = find_classes(Names{"Good", "bad", "good"}, Names{"good", "Good", "bad"});
  REQUIRE(found);
  CHECK((*found)[0] == 2);
  CHECK((*found)[1] == 0);
  CHECK((*found)[2] == 1);
}

TEST_CASE("labels: logits are brought into the task's order") {
  const ClassMap map(std::vector<int64_t>{2, 0, 1});
  std::vector<float> logits = {10, 11, 12, 20, 21, 22};
  map.reorder(logits);
  CHECK(logits == std::vector<float>{12, 10, 11, 22, 20, 21});
  std::vector<float> same = {1, 2};
  ClassMap(2).reorder(same);
  CHECK(same == std::vector<float>{1, 2});
}

TEST_CASE("labels: a map is a permutation") {
  CHECK_THROWS_AS(ClassMap({0, 100000000}), Error);
  CHECK_THROWS_AS(ClassMap({0, 0}), Error);
  CHECK_THROWS_AS(ClassMap(2)[2], Error);
  CHECK_THROWS_AS(ClassMap(2)[-1], Error);
}

TEST_CASE("labels: another set is refused with both, in a bounded line") {
  const Names hostile(5000, std::string(5000, '\n'));
  const std::string message = test::message_of([&] { class_map(hostile, kTask); });
  CHECK(test::contains(message, "entailment, neutral, contradiction"));
  CHECK(message.size() < 500);
  CHECK_FALSE(test::contains(message, "\n"));
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
