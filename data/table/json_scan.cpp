// The grammar of JSON, one line at a time.
#include <cctype>
#include <string>

#include "data/table/json_lines.h"

namespace soragrad::data {
namespace {

constexpr int kMaxDepth = 100;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

void JsonLine::wrong(std::string_view expected) const {
  const std::string_view rest = text_.substr(position_, 20);
  require(number_ > 1 || text_.substr(0, 1) != "[",
          "[{}:1] a JSON list; own data has one object a line, without [ ] and commas around them.",
          path_);
  fail("[{}:{}] not a JSON object on one line: at byte {} is {}, expected {}.", path_, number_,
       position_ + 1, rest.empty() ? "the line's end" : quote(rest), expected);
}

void JsonLine::skip_blanks() {
  while (position_ < text_.size() &&
         (text_[position_] == ' ' || text_[position_] == '\t' || text_[position_] == '\r')) {
    ++position_;
  }
}

bool JsonLine::take(char c) {
  skip_blanks();
  if (position_ == text_.size() || text_[position_] != c) return false;
  ++position_;
  return true;
}

void JsonLine::end() {
  skip_blanks();
  if (position_ != text_.size()) wrong("nothing more on this line");
}

void JsonLine::read(std::vector<JsonMember>& members) {
  members.clear();
  if (!take('{')) wrong("an object, {...}");
  object(1, &members);
  end();
}

void JsonLine::read_list(std::vector<JsonMember>& items) {
  items.clear();
  if (!take('[')) wrong("a list");
  list(1, &items);
  end();
}

// Behind the opening brace.
void JsonLine::object(int depth, std::vector<JsonMember>* members) {
  if (take('}')) return;
  do {
    if (!take('"')) wrong("a key in quotes");
    const JsonMember key = string();
    if (!take(':')) wrong("a colon");
    JsonMember member = value(depth);
    member.key = key.raw;
    member.key_escaped = key.escaped;
    if (members) members->push_back(member);
  } while (take(','));
  if (!take('}')) wrong("a comma or }");
}

// Behind the opening bracket.
void JsonLine::list(int depth, std::vector<JsonMember>* items) {
  if (take(']')) return;
  do {
    const JsonMember item = value(depth);
    if (items) items->push_back(item);
  } while (take(','));
  if (!take(']')) wrong("a comma or ]");
}

JsonMember JsonLine::value(int depth) {
  skip_blanks();
  const size_t begin = position_;
  const char first = begin < text_.size() ? text_[begin] : '\0';
  JsonMember member;
  if (first == '"') {
    ++position_;
    return string();
  }
  if (first == '{' || first == '[') {
    require(depth < kMaxDepth, "[{}:{}] values are nested more than {} deep.", path_, number_,
            kMaxDepth);
    ++position_;
    member.kind = first == '{' ? Cell::Kind::object : Cell::Kind::list;
    first == '{' ? object(depth + 1, nullptr) : list(depth + 1, nullptr);
  } else if (first == '-' || is_digit(first)) {
    member.kind = Cell::Kind::number;
    number();
  } else {
    const std::string_view rest = text_.substr(begin);
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!rest.starts_with(word)) continue;
      member.kind = word == "null" ? Cell::Kind::null : Cell::Kind::boolean;
      position_ += word.size();
    }
    if (position_ == begin) wrong("a value");
  }
  member.raw = text_.substr(begin, position_ - begin);
  return member;
}

// Behind the opening quote.
JsonMember JsonLine::string() {
  JsonMember member;
  member.kind = Cell::Kind::text;
  const size_t begin = position_;
  for (;; ++position_) {
    if (position_ == text_.size()) wrong("the quote that closes a text");
    const char c = text_[position_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) wrong("no control character in a text");
    if (c == '\\') {
      member.escaped = true;
      escape();
    }
  }
  member.raw = text_.substr(begin, position_ - begin);
  ++position_;
  return member;
}

// Leaves the position on the escape's last character.
void JsonLine::escape() {
  ++position_;
  const char c = position_ < text_.size() ? text_[position_] : '\0';
  if (c == 'u') {
    for (int digit = 0; digit < 4; ++digit) {
      ++position_;
      if (position_ >= text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[position_])))
        wrong("four hexadecimal digits after \\u");
    }
  } else if (c == '\0' || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) {
    wrong("one of \"\\/bfnrtu after a backslash");
  }
}

// -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?
void JsonLine::number() {
  const auto digits = [&] {
    const size_t begin = position_;
    while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    if (position_ == begin) wrong("a digit");
  };
  const auto next_is = [&](std::string_view any) {
    return position_ < text_.size() && any.find(text_[position_]) != any.npos;
  };
  if (next_is("-")) ++position_;
  if (next_is("0")) {
    ++position_;
  } else {
    digits();
  }
  if (next_is(".")) {
    ++position_;
    digits();
  }
  if (next_is("eE")) {
    ++position_;
    if (next_is("+-")) ++position_;
    digits();
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
