#include "nn/optim/schedule.h"

#include <doctest/doctest.h>

#include "core/error.h"

namespace soragrad::nn {
namespace {

TEST_CASE("schedule: linear rises over the warm-up and falls to 0") {
  const Schedule schedule{ScheduleType::linear, 2, 10};
  CHECK(schedule.factor(0) == 0);
  CHECK(schedule.factor(1) == 0.5);
  CHECK(schedule.factor(2) == 1);
  CHECK(schedule.factor(6) == 0.5);
  CHECK(schedule.factor(9) == 0.125);
  CHECK(schedule.factor(10) == 0);
  CHECK(schedule.factor(25) == 0);
}

TEST_CASE("schedule: cosine has half its rate in the middle and stays 0 after the end") {
  const Schedule schedule{ScheduleType::cosine, 2, 10};
  CHECK(schedule.factor(1) == 0.5);
  CHECK(schedule.factor(2) == 1);
  CHECK(schedule.factor(4) == doctest::Approx(0.853553390593274));
  CHECK(schedule.factor(6) == doctest::Approx(0.5));
  CHECK(schedule.factor(10) == 0);
  CHECK(schedule.factor(14) == 0);
}

TEST_CASE("schedule: the constant ones") {
  CHECK(Schedule{ScheduleType::constant, 4, 10}.factor(0) == 1);
  const Schedule warm{ScheduleType::constant_with_warmup, 4, 10};
  CHECK(warm.factor(1) == 0.25);
  CHECK(warm.factor(4) == 1);
  CHECK(warm.factor(9) == 1);
  CHECK(warm.factor(10) == 0);
}

TEST_CASE("schedule: no warm-up starts at the full rate, and all of it warm-up never falls") {
  CHECK(Schedule{ScheduleType::linear, 0, 4}.factor(0) == 1);
  CHECK(Schedule{ScheduleType::linear, 4, 4}.factor(3) == 0.75);
  CHECK(Schedule{ScheduleType::linear, 8, 4}.factor(3) == 0.375);
}

TEST_CASE("schedule: warm-up is rounded up, down for the authors' gates, and steps win") {
  CHECK(warmup_length(0.06, 0, 30) == 2);
  CHECK(warmup_length(0.06, 0, 30, true) == 1);
  CHECK(warmup_length(0.11, 0, 30) == 4);
  CHECK(warmup_length(0.1, 0, 30) == 3);
  CHECK(warmup_length(0.06, 7, 30, true) == 7);
  CHECK(warmup_length(0, 0, 30) == 0);
}

TEST_CASE("schedule: unknown names are refused with those that are known") {
  CHECK(schedule_type_of("constant_with_warmup") == ScheduleType::constant_with_warmup);
  CHECK_THROWS_WITH_AS(schedule_type_of("polynomial"),
                       "[lr_scheduler_type] \"polynomial\" is not known; use linear, cosine, "
                       "constant or constant_with_warmup.",
                       Error);
}

}  // namespace
}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
