#include "data/table/json_lines.h"

#include <unordered_map>
#include <utility>

#include "data/table/lines.h"

namespace soragrad::data {
namespace {

char32_t hex4(std::string_view digits) {
  char32_t value = 0;
  for (const char c : digits.substr(0, 4)) {
    value = value * 16 + static_cast<char32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

// Appends the text with its escapes resolved; returns the number of lone surrogates, each of which
// becomes U+FFFD.
int64_t unescape(std::string_view raw, std::string& out) {
  int64_t lone = 0;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out += raw[i];
      continue;
    }
    const char kind = raw[++i];
    if (kind != 'u') {
      constexpr std::string_view kNames = "bfnrt", kValues = "\b\f\n\r\t";
      const size_t known = kNames.find(kind);
      out += known == kNames.npos ? kind : kValues[known];
      continue;
    }
    char32_t c = hex4(raw.substr(i + 1));
    i += 4;
    const bool high = c >= 0xD800 && c < 0xDC00;
    const std::string_view rest = raw.substr(i + 1);
    const char32_t low = high && rest.starts_with("\\u") ? hex4(rest.substr(2)) : 0;
    if (low >= 0xDC00 && low < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      i += 6;
    } else if (c >= 0xD800 && c < 0xE000) {
      c = kReplacementChar;
      ++lone;
    }
    append_utf8(out, c);
  }
  return lone;
}

}  // namespace

JsonLinesTable::JsonLinesTable(const std::string& path, std::string bytes)
    : Table(path, std::move(bytes)) {
  count_invalid_utf8();
  std::vector<std::string> names;
  std::unordered_map<std::string, int64_t> seen;  // the line on which a key was met last
  std::vector<JsonMember> members;
  for (TextLines lines(text()); lines.next();) {
    JsonLine(lines.line(), path_, lines.number()).read(members);
    for (const JsonMember& member : members) {
      const auto [found, fresh] = seen.try_emplace(std::string(key_of(member)), 0);
      require(found->second != lines.number(), "[{}:{}] the key {} occurs twice in one object.",
              path_, lines.number(), quote(found->first));
      found->second = lines.number();
      if (!fresh) continue;
      require(names.size() < kMaxTableColumns, "[{}:{}] more than {} different keys in this file.",
              path_, lines.number(), kMaxTableColumns);
      names.push_back(found->first);
    }
  }
  require(!names.empty(), "[{}] no rows in this file; one JSON object a line is needed.", path_);
  set_columns(std::move(names), path_);
}

std::string_view JsonLinesTable::decoded(std::string_view raw, bool escaped) {
  if (!escaped) return repaired(raw);
  std::string plain;
  invalid_utf8_ += unescape(raw, plain);
  return repaired(arena_.copy(plain));
}

std::string_view JsonLinesTable::key_of(const JsonMember& member) {
  if (!member.key_escaped && invalid_utf8_ == 0) return member.key;
  std::string plain;
  if (member.key_escaped) {
    unescape(member.key, plain);
  } else {
    plain = member.key;
  }
  key_storage_ = repair_utf8(plain, repaired_key_);
  return key_storage_;
}

Cell JsonLinesTable::cell_of(const JsonMember& member, int64_t line) {
  switch (member.kind) {
    case Cell::Kind::text:
      return {member.kind, decoded(member.raw, member.escaped)};
    case Cell::Kind::list: {
      std::vector<JsonMember> items;
      JsonLine(member.raw, path_, line).read_list(items);
      std::vector<Cell> cells;
      for (const JsonMember& item : items) {
        const bool nested = item.kind == Cell::Kind::list || item.kind == Cell::Kind::object;
        cells.push_back(nested ? Cell(Cell::Kind::object, {}) : cell_of(item, line));
      }
      return Cell(arena_.copy(std::span<const Cell>(cells)));
    }
    default:
      return {member.kind, member.kind == Cell::Kind::null ? std::string_view() : member.raw};
  }
}

std::vector<Column> JsonLinesTable::read_columns(std::span<const size_t> wanted) {
  std::vector<Column> result(wanted.size());
  std::unordered_map<std::string_view, size_t> places;
  for (size_t i = 0; i < wanted.size(); ++i) places.emplace(columns()[wanted[i]], i);
  std::vector<JsonMember> members;
  for (TextLines lines(text()); lines.next();) {
    JsonLine(lines.line(), path_, lines.number()).read(members);
    for (Column& column : result) column.cells.emplace_back();
    for (const JsonMember& member : members) {
      const auto place = places.find(key_of(member));
      if (place != places.end()) {
        result[place->second].cells.back() = cell_of(member, lines.number());
      }
    }
    lines_.push_back(static_cast<uint32_t>(lines.number()));
    ++rows_;
  }
  return result;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
