#include "data/tokenizer/charsmap.h"

#include <algorithm>

#include "core/error.h"

namespace soragrad::data {
namespace {

// Real rules are far shorter (U+FDFA becomes 33 bytes). The limits keep output and time in
// proportion to the input, even with a hostile file.
constexpr size_t kMaxReplacement = 256;
constexpr size_t kMaxRule = 64;

uint32_t read_u32(std::string_view bytes, size_t position) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[position + i]);
  return value;
}

// Fields of a darts-clone unit (github.com/s-yata/darts-clone, include/darts.h): label in bits 0-7
// and 31, leaf flag in bit 8, offset above it, scaled by 256 if bit 9 is set; a leaf holds a value.
bool has_leaf(uint32_t unit) {
  return (unit >> 8 & 1) != 0;
}
uint32_t value_of(uint32_t unit) {
  return unit & 0x7FFFFFFF;
}
uint32_t label_of(uint32_t unit) {
  return unit & 0x800000FF;
}
uint32_t offset_of(uint32_t unit) {
  return (unit >> 10) << ((unit & 0x200) >> 6);
}

// Walks the trie along text. Calls found(length, value) for every rule that matches the beginning
// of text, shortest first, until it returns false.
template <typename Found>
void walk(const std::vector<uint32_t>& units, std::string_view text, Found&& found) {
  if (units.empty()) return;
  uint32_t position = offset_of(units[0]);
  const size_t limit = std::min(text.size(), kMaxRule);
  for (size_t i = 0; i < limit; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    position ^= byte;
    if (position >= units.size()) return;
    const uint32_t unit = units[position];
    if (label_of(unit) != byte) return;
    position ^= offset_of(unit);
    if (has_leaf(unit)) {
      if (position >= units.size() || !found(i + 1, value_of(units[position]))) return;
    }
  }
}

}  // namespace

Charsmap::Charsmap(std::string_view blob, const std::string& path) {
  if (!blob.empty()) {
    require(blob.size() > 4, "[{}] the charsmap has {} bytes; at least 8 are needed.", path,
            blob.size());
    const size_t trie_bytes = read_u32(blob, 0);
    require(trie_bytes >= 4 && trie_bytes % 4 == 0 && trie_bytes < blob.size() - 4,
            "[{}] the charsmap's trie claims {} bytes of {}; the file is damaged.", path,
            trie_bytes, blob.size());
    units_.resize(trie_bytes / 4);
    for (size_t i = 0; i < units_.size(); ++i) units_[i] = read_u32(blob, 4 + 4 * i);
    replacements_ = blob.substr(4 + trie_bytes);
    size_t run = 0;
    for (const char byte : replacements_) {
      run = byte == '\0' ? 0 : run + 1;
      require(run <= kMaxReplacement,
              "[{}] a replacement of the charsmap has more than {} bytes; the file is "
              "damaged.",
              path, kMaxReplacement);
    }
    require(run == 0, "[{}] the charsmap's last replacement has no end.", path);
  }
  // A character is plain if no rule matches it, alone or with any ASCII character after it.
  plain_.fill(false);
  for (int c = 0; c < 128; ++c) {
    plain_[static_cast<size_t>(c)] = true;
    for (int next = 0; next < 128; ++next) {
      const char pair[] = {static_cast<char>(c), static_cast<char>(next)};
      walk(units_, {pair, 2},
           [&](size_t, uint32_t) { return plain_[static_cast<size_t>(c)] = false; });
    }
  }
}

std::string_view Charsmap::replacement_at(uint32_t value) const {
  if (value >= replacements_.size()) return {};
  return replacements_.c_str() + value;
}

size_t Charsmap::longest(std::string_view text, std::string_view& replacement) const {
  size_t length = 0;
  uint32_t value = 0;
  walk(units_, text, [&](size_t found_length, uint32_t found_value) {
    length = found_length;
    value = found_value;
    return true;
  });
  if (length != 0) replacement = replacement_at(value);
  return length;
}

bool Charsmap::shortest(std::string_view text, std::string_view& replacement) const {
  bool found = false;
  // The crate treats a NUL as the end of the text.
  walk(units_, text.substr(0, text.find('\0')), [&](size_t, uint32_t value) {
    replacement = replacement_at(value);
    found = true;
    return false;
  });
  return found;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
