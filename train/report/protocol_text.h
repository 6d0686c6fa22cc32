// The three protocols as text for people: `soragrad inspect protocols`.
#pragma once

#include <string>

namespace soragrad::train {

// Every setting of train/config/protocol.h with its source, and the first rows of the seed-42
// permutations, with which another program's splits can be compared.
std::string protocols_text();

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
