// The three protocols in one table: what each prescribes and where that is stated.
//   glue     the usual way: GLUE's splits, the head trains
//   paper    the released SoRA code: dev halves or train rows for validation and test, head frozen
//            at its initial values, the schedule's length cut down to whole batches, the gates'
//            warm-up rounded down
//   adalora  the AdaLoRA code: GLUE's splits, the head trains
// `protocol=` itself sets splits, head, selection metric and the roundings. The other settings are
// what the sources used; recipes take them, and a run's own keys decide.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/split.h"

namespace soragrad::train {

// The word for what a source does not say.
constexpr std::string_view kNotStated = "not stated";

// A setting of a protocol. `key` is the key of `train` it belongs to, or a word for what has none.
struct Stated {
  std::string_view key, value, source;
};

// Settings of one task, in the words of the keys of `train`.
struct TaskSettings {
  std::string_view task;
  std::string_view learning_rate, batch, epochs, max_seq_length;
  std::string_view more;  // further keys, as `key=value key=value`
};

struct ProtocolRules {
  std::string_view name, about;
  bool train_head;
  // Learning-rate schedules are int(epochs * rows / batch) long, not the number of steps.
  bool truncated_schedule;
  // Warm-up of the gates is floor(ratio * steps), not ceil.
  bool gate_warmup_rounds_down;
  std::span<const Stated> settings;
  std::string_view tasks_source;
  std::span<const TaskSettings> tasks;
};

// All protocols, in the order of data::Protocol.
std::span<const ProtocolRules> protocols();
const ProtocolRules& rules_of(data::Protocol protocol);
// The settings of a task; null where the protocol's source has none.
const TaskSettings* settings_of(data::Protocol protocol, std::string_view task);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
