// Which values a key takes, and how messages name them: ranges of numbers, choices of words.
#pragma once

#include <limits>
#include <string>
#include <string_view>

namespace soragrad {

struct NumberRange {
  std::string_view expects;  // "a number of at least 0": ends the message about a wrong value
  double low = 0, high = 0;  // inclusive, but see open_low
  bool open_low = false;     // low itself is excluded

  // False for NaN.
  constexpr bool contains(double x) const {
    return x >= low && x <= high && !(open_low && x == low);
  }
};

namespace ranges {

inline constexpr double kLargest = std::numeric_limits<double>::max();

inline constexpr NumberRange kNumber{"a number", -kLargest, kLargest};
inline constexpr NumberRange kPositive{"a number above 0", 0, kLargest, true};
inline constexpr NumberRange kNotNegative{"a number of at least 0", 0, kLargest};
inline constexpr NumberRange kShare{"a number of at least 0 and below 1", 0, 1 - 0x1p-53};
inline constexpr NumberRange kRatio{"a number from 0 to 1", 0, 1};
inline constexpr NumberRange kCount{"a whole number of at least 1", 1, 1e12};
inline constexpr NumberRange kCountOrNone{"a whole number of at least 0", 0, 1e12};
inline constexpr NumberRange kSmallCount{"a whole number from 1 to 65536", 1, 65536};

}  // namespace ranges

// Throws naming the key, its value and the range unless the value is in it.
void require_range(std::string_view key, double value, const NumberRange& range);

// Whether the text is one of the choices "a|b|c".
bool is_choice(std::string_view choices, std::string_view text);
// "a, b, c" of "a|b|c".
std::string listed(std::string_view choices);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
