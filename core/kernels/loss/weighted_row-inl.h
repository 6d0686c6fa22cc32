// One row of each weighted loss, the same arithmetic on both devices.
#pragma once

#include <cmath>

#include "core/host_device.h"
#include "core/kernels/loss/weighted.h"

namespace soragrad::kernels {

// log(sum of exp(logits - max)), and the largest logit.
struct LogSum {
  double max, log_sum;
};
SORAGRAD_HD LogSum log_sum_of(const real* logits, int64_t classes) {
  double max = static_cast<double>(logits[0]);
  for (int64_t c = 1; c < classes; ++c) {
    if (static_cast<double>(logits[c]) > max) max = static_cast<double>(logits[c]);
  }
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += exp(static_cast<double>(logits[c]) - max);
  return {max, log(sum)};
}

SORAGRAD_HD double row_loss(const WeightedCrossEntropyArgs& args, int64_t row) {
  const real* logits = args.logits + row * args.classes;
  const LogSum total = log_sum_of(logits, args.classes);
  // -log p = log_sum + (max - z): the difference first, both are large where the logits are.
  double distances = 0;
  for (int64_t c = 0; c < args.classes; ++c) {
    distances += total.max - static_cast<double>(logits[c]);
  }
  const double at_label = total.max - static_cast<double>(logits[args.labels[row]]);
  const double smoothing = static_cast<double>(args.smoothing);
  double loss = total.log_sum + (1 - smoothing) * at_label;
  // A class that is ruled out by a logit of -inf makes the mean infinite.
  if (smoothing > 0) loss += smoothing * (distances / static_cast<double>(args.classes));
  return static_cast<double>(args.shares[row]) * loss;
}

// dz = dloss * share * (p - (1 - s) * [c is the label] - s / C)
SORAGRAD_HD void row_gradient(const WeightedCrossEntropyArgs& args, int64_t row) {
  const real* logits = args.logits + row * args.classes;
  real* dlogits = args.dlogits + row * args.classes;
  const LogSum total = log_sum_of(logits, args.classes);
  const double factor = static_cast<double>(*args.dloss) * static_cast<double>(args.shares[row]);
  const double smoothing = static_cast<double>(args.smoothing);
  const double each = smoothing / static_cast<double>(args.classes);
  for (int64_t c = 0; c < args.classes; ++c) {
    const double p = exp(static_cast<double>(logits[c]) - total.max - total.log_sum);
    const double target = (c == args.labels[row] ? 1 - smoothing : 0.0) + each;
    dlogits[c] = static_cast<real>(factor * (p - target));
  }
}

// max(z, 0) - target * z + log(1 + exp(-|z|)), the mean over classes.
SORAGRAD_HD double row_binary_loss(const WeightedTargetsArgs& args, int64_t row) {
  double sum = 0;
  for (int64_t i = row * args.classes; i < (row + 1) * args.classes; ++i) {
    const double z = static_cast<double>(args.outputs[i]);
    sum += (z > 0 ? z : 0) - static_cast<double>(args.targets[i]) * z + log1p(exp(-fabs(z)));
  }
  return static_cast<double>(args.shares[row]) * sum / static_cast<double>(args.classes);
}

// dz = dloss * share / C * (sigmoid(z) - target)
SORAGRAD_HD void row_binary_gradient(const WeightedTargetsArgs& args, int64_t row) {
  const double factor = static_cast<double>(*args.dloss) * static_cast<double>(args.shares[row]) /
                        static_cast<double>(args.classes);
  for (int64_t i = row * args.classes; i < (row + 1) * args.classes; ++i) {
    const double sigmoid = 1 / (1 + exp(-static_cast<double>(args.outputs[i])));
    args.doutputs[i] = static_cast<real>(factor * (sigmoid - static_cast<double>(args.targets[i])));
  }
}

SORAGRAD_HD double row_squared_loss(const WeightedTargetsArgs& args, int64_t row) {
  const double difference =
      static_cast<double>(args.outputs[row]) - static_cast<double>(args.targets[row]);
  return static_cast<double>(args.shares[row]) * difference * difference;
}

SORAGRAD_HD void row_squared_gradient(const WeightedTargetsArgs& args, int64_t row) {
  const double difference =
      static_cast<double>(args.outputs[row]) - static_cast<double>(args.targets[row]);
  args.doutputs[row] = static_cast<real>(2 * static_cast<double>(*args.dloss) *
                                         static_cast<double>(args.shares[row]) * difference);
}

}  // namespace soragrad::kernels

// SPDX-License-Identifier: Apache-2.0
