// Numbers printed in papers, to stand beside one's own.
#pragma once

#include <string>
#include <string_view>

namespace soragrad::train {

// The printed score in percent of a task for a run's method, rank (AdaLoRA's target, an adapter's
// bottleneck) and protocol, "a/b" where there are two; "not stated" where nobody
// printed one. Under protocol paper the rows of the SoRA paper, under the others AdaLoRA's.
std::string printed_score(std::string_view task, std::string_view method, long rank,
                          std::string_view protocol);
// Where printed_score() has them from.
std::string_view printed_source(std::string_view protocol);

}  // namespace soragrad::train
