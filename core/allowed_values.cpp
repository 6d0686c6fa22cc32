#include "core/allowed_values.h"

#include "core/error.h"

namespace soragrad {

void require_range(std::string_view key, double value, const NumberRange& range) {
  require(range.contains(value), "[{}] {} is out of range; expected {}.", key, value,
          range.expects);
}

bool is_choice(std::string_view choices, std::string_view text) {
  while (!choices.empty()) {
    const size_t bar = choices.find('|');
    if (choices.substr(0, bar) == text) return true;
    choices = bar == choices.npos ? std::string_view() : choices.substr(bar + 1);
  }
  return false;
}

std::string listed(std::string_view choices) {
  std::string text(choices);
  for (size_t bar = text.find('|'); bar != text.npos; bar = text.find('|', bar)) {
    text.replace(bar, 1, ", ");
  }
  return text;
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
