// How the readers of keys refuse what a user wrote.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "core/error.h"

namespace soragrad::train {

// Throws UsageError with a message in fmt syntax.
template <typename... Args>
[[noreturn]] void misuse(fmt::format_string<Args...> message, Args&&... args) {
  throw UsageError(fmt::format(message, std::forward<Args>(args)...));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
