// SentencePiece's normalization rules (`precompiled_charsmap`): pairs of a byte string and its
// replacement. Layout, little-endian: the size of the trie in bytes as u32, the trie (darts-clone
// units), NUL-terminated UTF-8 replacements. Source: sentencepiece/src/normalizer.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

class Charsmap {
 public:
  Charsmap() { plain_.fill(true); }  // no rules
  // Throws, naming `path`, if sizes contradict each other or a replacement has no end. A damaged
  // trie can give wrong replacements, but no look-up leaves its bounds. An empty blob means no
  // rules.
  Charsmap(std::string_view blob, const std::string& path);

  // Finds the longest rule that matches the beginning of text, as SentencePiece does. Returns the
  // bytes it consumes, or 0 if no rule matches.
  size_t longest(std::string_view text, std::string_view& replacement) const;

  // Finds the shortest rule that matches the beginning of text: Hugging Face's crate
  // spm_precompiled 0.1.4 takes the first match. Returns false if no rule matches.
  bool shortest(std::string_view text, std::string_view& replacement) const;

  // True if no rule changes this ASCII character when ASCII or nothing follows it.
  bool is_plain(uint8_t c) const { return plain_[c]; }

 private:
  std::string_view replacement_at(uint32_t value) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::array<bool, 256> plain_{};
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
