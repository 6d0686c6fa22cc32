// The table of protocols agrees with the code and with the recipes.
#include "train/config/protocol.h"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>

#include "data/task.h"
#include "tests/files.h"
#include "train/config/config.h"
#include "train/report/protocol_text.h"

using namespace soragrad;
using namespace soragrad::train;
using soragrad::test::contains;

TEST_CASE("protocol: every setting has a source, and those of keys are values of keys") {
  for (const char* name : {"glue", "paper", "adalora"}) {
    CAPTURE(name);
    const data::Protocol protocol = data::parse_protocol(name);
    const ProtocolRules& rules = rules_of(protocol);
    CHECK(rules.name == name);
    for (const Stated& stated : rules.settings) CHECK_FALSE(stated.source.empty());
    for (const data::Task& task : data::glue_tasks()) {
      const TaskSettings* settings = settings_of(protocol, task.name);
      if (!settings) continue;
      Config config;
      set(config, "learning_rate", settings->learning_rate, "test");
      set(config, "per_device_train_batch_size", settings->batch, "test");
      set(config, "num_train_epochs", settings->epochs, "test");
      if (settings->max_seq_length != kNotStated) {
        set(config, "max_seq_length", settings->max_seq_length, "test");
      }
    }
  }
  CHECK(settings_of(data::Protocol::glue, "rte") == nullptr);
  CHECK(settings_of(data::Protocol::paper, "wnli") == nullptr);
}

TEST_CASE("protocol: the printed table fits a terminal and holds the check values") {
  const std::string text = protocols_text();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    CHECK(line.size() <= 80);
  }
  for (const char* part :
       {"protocol=glue", "protocol=paper", "protocol=adalora", "207 84 253 243", "30 63 342 322",
        "911 408 813 657", "42 340 1028 766", "8117 4924 9261 1689", "6677 49712 38268",
        "99291 42864 63734", "74376 255378 229510", "not stated"}) {
    CAPTURE(part);
    CHECK(contains(text, part));
  }
}

// SPDX-License-Identifier: Apache-2.0
