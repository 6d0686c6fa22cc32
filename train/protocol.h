// What the three protocols differ in beside splits and selection metric (data/split.h):
//   glue     the usual way: GLUE's splits, the head trains
//   paper    the released SoRA code: head frozen at its initial values, the schedule's length cut
//            down to whole batches, the gates' warm-up rounded down
//   adalora  the AdaLoRA code: GLUE's splits, the head trains
#pragma once

#include "data/split.h"

namespace soragrad::train {

struct ProtocolRules {
  bool train_head;
  // Learning-rate schedules are int(epochs * rows / batch) long, not the number of steps.
  bool truncated_schedule;
  // Warm-up of the gates is floor(ratio * steps), not ceil.
  bool gate_warmup_rounds_down;
};

const ProtocolRules& rules_of(data::Protocol protocol);

}  // namespace soragrad::train
