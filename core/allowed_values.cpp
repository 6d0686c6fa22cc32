#include "core/allowed_values.h"

namespace soragrad {

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
