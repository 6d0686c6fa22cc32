// The ranks that training kept, as a small heat map: a row for each layer, a column for each
// module.
#pragma once

#include <span>
#include <string>

#include "sora/method.h"

namespace soragrad::train {

// Empty where there are no ranks. Modules outside numbered layers get a line each.
std::string rank_table(std::span<const sora::ModuleRank> ranks);

}  // namespace soragrad::train
