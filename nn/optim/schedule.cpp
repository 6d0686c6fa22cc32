#include "nn/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace soragrad::nn {

ScheduleType schedule_type_of(const std::string& name) {
  if (name == "linear") return ScheduleType::linear;
  if (name == "cosine") return ScheduleType::cosine;
  if (name == "constant") return ScheduleType::constant;
  if (name == "constant_with_warmup") return ScheduleType::constant_with_warmup;
  fail(
      "[lr_scheduler_type] \"{}\" is not known; use linear, cosine, constant or "
      "constant_with_warmup.",
      name);
}

double Schedule::factor(int64_t done) const {
  if (done >= steps) return 0;
  if (type == ScheduleType::constant) return 1;
  const auto s = static_cast<double>(done);
  if (done < warmup) return s / static_cast<double>(warmup);
  if (type == ScheduleType::constant_with_warmup) return 1;
  const auto decay = static_cast<double>(std::max<int64_t>(1, steps - warmup));
  if (type == ScheduleType::linear) return static_cast<double>(steps - done) / decay;
  const double progress = (s - static_cast<double>(warmup)) / decay;
  return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * progress)));
}

int64_t warmup_length(double warmup_ratio, int64_t warmup_steps, int64_t steps, bool round_down) {
  if (warmup_steps != 0) return warmup_steps;
  const double length = warmup_ratio * static_cast<double>(steps);
  return static_cast<int64_t>(round_down ? std::floor(length) : std::ceil(length));
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
