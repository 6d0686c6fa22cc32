// Errors of callers and of the world outside: one exception type, one way to raise it.
// A message reads "[place] what; both values; what to do." The place is what its reader can act on:
// a file, a line of it, a key, an option or an operation, e.g.
//   [linear] weight (4, 5) does not fit x (2, 3).
//   [runs/a/config.yaml:3] r is "x"; expected a whole number.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace soragrad {

// Thrown for everything a caller or an input file can get wrong; broken invariants assert instead.
// A message is one line of at most kMessageBytes: a longer one loses part of its middle.
class Error : public std::runtime_error {
 public:
  explicit Error(std::string_view message) : std::runtime_error(bounded_line(message)) {}
};

// Wrong use of the command line (exit code 2 instead of 1).
class UsageError : public Error {
 public:
  using Error::Error;
};

// Throws Error with a message in fmt syntax.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) {
  throw Error(fmt::format(message, std::forward<Args>(args)...));
}

// Throws Error with the message unless the condition holds. Arguments are formatted only then.
template <typename... Args>
void require(bool condition, fmt::format_string<Args...> message, Args&&... args) {
  if (!condition) [[unlikely]]
    fail(message, std::forward<Args>(args)...);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
