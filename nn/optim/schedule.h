// Learning rate schedules of transformers' get_scheduler: the factor by which the rate of a step is
// multiplied. With s updates done, W of warm-up and T in all:
//   s < W  s / W                                  (all but constant)
//   linear (T - s) / (T - W), cosine (1 + cos(pi (s - W) / (T - W))) / 2, constant 1;
//   s >= T 0.
#pragma once

#include <cstdint>
#include <string>

namespace soragrad::nn {

enum class ScheduleType : uint8_t { linear, cosine, constant, constant_with_warmup };

// Throws for a name that is not one of the four, listing them.
ScheduleType schedule_type_of(const std::string& name);

struct Schedule {
  ScheduleType type = ScheduleType::linear;
  int64_t warmup = 0;  // W
  int64_t steps = 0;   // T

  // Of the update after `done` others: the first is factor(0), which is 0 under warm-up.
  double factor(int64_t done) const;
};

// warmup_steps where not 0, else warmup_ratio * steps, rounded up - or down, as the SoRA authors'
// code does for the gates.
int64_t warmup_length(double warmup_ratio, int64_t warmup_steps, int64_t steps,
                      bool round_down = false);

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
