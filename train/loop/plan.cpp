#include "train/loop/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/integer_math.h"
#include "data/custom/custom.h"
#include "data/task.h"
#include "sora/gate_schedule.h"
#include "train/config/own_data.h"
#include "train/config/protocol.h"

namespace soragrad::train {

namespace {

constexpr double kMaxSteps = 1e9;

// What decides how long a phase is.
struct PhaseLength {
  double epochs;
  int64_t max_steps;  // wins if above 0
  int64_t rows, steps_per_epoch;
};

Phase make_phase(const Config& config, const PhaseLength& wanted) {
  const ProtocolRules& rules = rules_of(data::parse_protocol(config.protocol));
  Phase phase;
  const double steps = std::ceil(wanted.epochs * static_cast<double>(wanted.steps_per_epoch));
  if (wanted.max_steps < 0 && steps > kMaxSteps) {
    throw UsageError(fmt::format("[train] {} epochs of {} steps are more than {} steps.",
                                 wanted.epochs, wanted.steps_per_epoch, kMaxSteps));
  }
  phase.steps = wanted.max_steps > 0 ? wanted.max_steps : static_cast<int64_t>(steps);
  int64_t length = phase.steps;
  if (wanted.max_steps < 0 && rules.truncated_schedule) {
    const int64_t rows_of_step =
        config.per_device_train_batch_size * config.gradient_accumulation_steps;
    length = static_cast<int64_t>(wanted.epochs * static_cast<double>(wanted.rows) /
                                  static_cast<double>(rows_of_step));
  }
  const nn::ScheduleType type = nn::schedule_type_of(config.lr_scheduler_type);
  phase.schedule = {type, nn::warmup_length(config.warmup_ratio, config.warmup_steps, length),
                    length};
  phase.gate_schedule = {type,
                         nn::warmup_length(config.warmup_ratio, config.warmup_steps, length,
                                           rules.gate_warmup_rounds_down),
                         length};
  return phase;
}

}  // namespace

std::string path_metric(const Config& config) {
  if (config.metric_for_best_model != "loss") return config.metric_for_best_model;
  if (!is_custom(config)) return data::find_task(config.task).metrics.front();
  const data::ProblemType type = data::problem_type_named(config.custom.problem_type);
  return data::make_custom_task(type, config.custom.labels, config.custom, false)->metrics.front();
}

Plan make_plan(const Config& config, int64_t rows, int64_t steps_per_epoch) {
  const sora::MethodConfig& method = config.method;
  const double xi = method.xi.value_or(sora::default_xi(method.proximal));
  std::vector<double> thresholds{xi};
  if (config.schedule != "none") {
    thresholds = sora::gate_thresholds(config.schedule, xi, config.xi_max.value_or(0),
                                       config.xi_steps.value_or(1));
  }
  Plan plan;
  plan.steps_per_epoch = steps_per_epoch;
  int64_t epoch = 0;
  for (const double threshold : thresholds) {
    const bool first = plan.phases.empty();
    Phase phase = make_phase(config, {first ? config.num_train_epochs : config.phase_epochs,
                                      first ? config.max_steps : -1, rows, steps_per_epoch});
    phase.xi = threshold;
    phase.first_epoch = epoch;
    if (!first && !config.restart_lr) phase.schedule = phase.gate_schedule = {};  // rates of 0
    epoch += ceil_div(phase.steps, steps_per_epoch);
    plan.total_steps += phase.steps;
    plan.phases.push_back(phase);
  }
  if (static_cast<double>(plan.total_steps) > kMaxSteps) {
    throw UsageError(fmt::format("[train] all phases together have {} steps, more than {}.",
                                 plan.total_steps, kMaxSteps));
  }
  const int64_t passes = plan.total_steps * config.gradient_accumulation_steps;
  if (passes >
      int64_t{std::numeric_limits<uint32_t>::max()}) {  // the number of a pass keys dropout
    throw UsageError(fmt::format("[train] {} steps of {} batches are more than 2^32 passes.",
                                 plan.total_steps, config.gradient_accumulation_steps));
  }
  if (method.method == "adalora" && method.tinit + method.tfinal >= plan.total_steps) {
    throw UsageError(fmt::format(
        "[train] adalora: tinit {} + tfinal {} leave no step of {} in which the budget falls; "
        "lower them or train longer.",
        method.tinit, method.tfinal, plan.total_steps));
  }
  return plan;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
