#include "train/loop/open_trained.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/train/tiny_run.h"

using namespace soragrad;
using namespace soragrad::test;

TEST_CASE(
    "open trained: two classes without names are predicted by number, other uses want names") {
  const TinyFolder tiny;  // its config.json has no id2label
  train::TrainedSource source{.model = tiny.run("model"), .task = "custom", .device = "cpu"};
  const auto ignore = [](const std::string&) {};
  CHECK(contains(message_of([&] { train::open_trained(source, ignore); }), "names no classes"));
  source.needs_head = true;
  CHECK(train::open_trained(source, ignore).task->labels ==
        std::vector<std::string>{"LABEL_0", "LABEL_1"});
  source.keys = {"labels=no,yes"};
  CHECK(train::open_trained(source, ignore).task->labels == std::vector<std::string>{"no", "yes"});
}

// SPDX-License-Identifier: Apache-2.0
