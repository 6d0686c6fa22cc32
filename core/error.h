// Errors of callers and of the world outside: one exception type, one way to raise it.
// A message reads "[op] what; both values; what to do.", e.g.
//   [linear] weight (4, 5) does not fit x (2, 3).
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace soragrad {

// Thrown for everything a caller or an input file can get wrong; broken invariants assert instead.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
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
