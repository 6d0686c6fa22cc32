// The gradient of a step of several micro-batches, over one process or several
// (core/communicator.h). Each micro-batch m is a unit: its passes write a gradient buffer that was
// zero, and the units are added in the order of m,
//   sum = ((unit 0 + unit 1) + unit 2) + ...
// Process r of n has the units with m % n == r. After each round of n units every process gets its
// shard of all of them and adds them in order; at the end the shards are gathered. So the bits of
// the sum are the same for any number of processes.
#pragma once

#include "core/tensor.h"

namespace soragrad::sora {

class UnitSum {
 public:
  // After the passes of a round in which the processes 0 to units - 1 had a unit: takes this
  // process's out of `grads`, the flat gradient, and leaves zeros. Collective.
  void add(const Tensor& grads, int units);
  // Fills `grads` with the sum of the step. Collective.
  void finish(const Tensor& grads);

 private:
  void add_shards(const Tensor& grads, int units);
  void add_part(const Tensor& part);

  bool is_empty_ = true;  // no unit of this step has been added
  Tensor sum_;            // the part that this process owns: all, if it is alone
  Tensor received_;       // parts of a round
};

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
