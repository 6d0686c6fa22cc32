#include "core/json_events.h"

#include "core/error.h"

namespace soragrad {
namespace {

// The parser holds each text or number several times over, more so for its own error message.
constexpr size_t kMaxToken = 8 << 20;

// Refuses texts and numbers past kMaxToken before the parser gathers them. Up to the first error of
// the text this sees the same tokens as the parser.
void check_tokens(std::string_view text, const std::string& where) {
  bool in_text = false;
  size_t length = 0;  // of the token so far
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i, ++length;  // the escaped character ends nothing
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
      length = 0;
    } else if (std::string_view(" \t\r\n{}[]:,").find(c) != std::string_view::npos) {
      length = 0;
      continue;
    }
    require(++length <= kMaxToken, "[{}] has a text or number of more than {} bytes at byte {}.",
            where, kMaxToken, i);
  }
}

}  // namespace

bool JsonEvents::parse_error(size_t position, const std::string&,
                             const nlohmann::detail::exception&) {
  fail("[{}] is not valid JSON at byte {}; the file is damaged.", where_, position);
}

bool JsonEvents::refuse(std::string_view what) const {
  fail("[{}] {} is {}, which does not belong there.", where_, place(), what);
}

void parse_json_events(std::string_view text, JsonEvents& events) {
  check_tokens(text, events.where());
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
}

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
