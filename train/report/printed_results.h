// Numbers printed in papers, to stand beside one's own.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "train/config/config.h"

namespace soragrad::train {

// The printed score in percent of a task for a run's method, rank (AdaLoRA's target, an adapter's
// bottleneck) and protocol, "a/b" where there are two; "not stated" where nobody printed one, as
// for models other than DeBERTaV3-base, targets other than all six Linears, and paths of
// thresholds. Under protocol paper it is the SoRA paper's, under the others AdaLoRA's.
std::string printed_score(std::string_view task, const Config& config);
// The mean over the eight tasks, where MNLI and QQP count with the mean of their two numbers.
std::string printed_average(const Config& config);
// The tasks that papers print, in their order.
std::span<const std::string_view> printed_tasks();
// Where printed_score() has them from.
std::string_view printed_source(std::string_view protocol);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
