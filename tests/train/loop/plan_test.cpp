// Lengths of phases and schedules.
#include "train/loop/plan.h"

#include <doctest/doctest.h>

#include "core/error.h"

using namespace soragrad;
using namespace soragrad::train;

namespace {

Config resolved(std::initializer_list<const char*> arguments) {
  Config config;
  for (const char* argument : {"model=m", "task=rte", "data=d"}) set_argument(config, argument);
  for (const char* argument : arguments) set_argument(config, argument);
  resolve(config);
  return config;
}

}  // namespace

TEST_CASE("plan: steps are epochs times steps of an epoch, the warm-up is rounded up") {
  const Config config = resolved({"num_train_epochs=10", "per_device_train_batch_size=8"});
  const Plan plan = make_plan(config, 2490, 312);
  REQUIRE(plan.phases.size() == 1);
  CHECK(plan.total_steps == 3120);
  CHECK(plan.phases[0].schedule.steps == 3120);
  CHECK(plan.phases[0].schedule.warmup == 188);  // ceil(187.2)
  CHECK(plan.phases[0].gate_schedule.warmup == 188);
  CHECK(plan.phases[0].schedule.factor(0) == 0);
  CHECK(plan.phases[0].schedule.factor(188) == 1);
}

TEST_CASE("plan: protocol paper cuts the schedule short and rounds the gates' warm-up down") {
  const Config config = resolved({"num_train_epochs=10", "protocol=paper", "sparse_lr=0.5"});
  const Plan plan = make_plan(config, 2490, 312);
  CHECK(plan.total_steps == 3120);
  const nn::Schedule& schedule = plan.phases[0].schedule;
  CHECK(schedule.steps == 3112);  // int(10 * 2490 / 8)
  CHECK(schedule.warmup == 187);  // ceil(186.72)
  CHECK(plan.phases[0].gate_schedule.warmup == 186);
  CHECK(schedule.factor(3112) == 0);
  CHECK(schedule.factor(3119) == 0);
  CHECK(schedule.factor(3111) > 0);
}

TEST_CASE("plan: protocol paper counts the rows of a step, whatever its number of batches") {
  const Config config =
      resolved({"num_train_epochs=10", "protocol=paper", "per_device_train_batch_size=2",
                "gradient_accumulation_steps=4"});
  CHECK(make_plan(config, 2490, 312).phases[0].schedule.steps == 3112);
}

TEST_CASE("plan: max_steps sets steps and schedule, also under protocol paper") {
  const Config config = resolved({"max_steps=30", "protocol=paper"});
  const Plan plan = make_plan(config, 2490, 312);
  CHECK(plan.total_steps == 30);
  CHECK(plan.phases[0].schedule.steps == 30);
  CHECK(plan.phases[0].schedule.warmup == 2);
  CHECK(plan.phases[0].gate_schedule.warmup == 1);
}

TEST_CASE("plan: a schedule adds a phase for each further threshold") {
  for (const bool restart : {true, false}) {
    const Config config =
        resolved({"num_train_epochs=2", "schedule=linear", "xi=0", "xi_max=6e-4", "xi_steps=3",
                  "phase_epochs=1", restart ? "restart_lr=true" : "restart_lr=false"});
    const Plan plan = make_plan(config, 80, 10);
    REQUIRE(plan.phases.size() == 3);
    CHECK(plan.total_steps == 40);
    CHECK(*plan.phases[1].xi == doctest::Approx(3e-4));
    CHECK(*plan.phases[2].xi == doctest::Approx(6e-4));
    CHECK(plan.phases[2].first_epoch == 3);
    CHECK(plan.sampler_step(2, 1) == 31);
    CHECK(plan.phases[1].schedule.factor(1) == (restart ? 1 : 0));
    CHECK(plan.phases[1].gate_schedule.factor(1) == (restart ? 1 : 0));
  }
}

TEST_CASE("plan: adalora needs steps between tinit and tfinal") {
  const Config config = resolved({"method=adalora", "max_steps=30", "tinit=10", "tfinal=20"});
  CHECK_THROWS_AS(make_plan(config, 2490, 312), UsageError);
}

// SPDX-License-Identifier: Apache-2.0
