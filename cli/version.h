// What `soragrad --version` says.
#pragma once

#include <string>

#include "train/loop/finish.h"

namespace soragrad::cli {

train::Version version();
// Version, commit, backends and GPU architectures.
std::string version_text();

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
