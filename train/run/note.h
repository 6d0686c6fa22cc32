// Lines for the log, passed up to whoever shows them.
#pragma once

#include <functional>
#include <string>

namespace soragrad::train {

using Note = std::function<void(const std::string& line)>;

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
