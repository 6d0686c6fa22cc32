// SentencePiece's normalization rules (`precompiled_charsmap`): byte strings and what replaces
// them. Layout: u32 size of the trie in bytes, the trie (darts-clone units), NUL-terminated UTF-8
// replacements. Little-endian. Source: sentencepiece/src/normalizer.cc.
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
  // Fails, naming `path`, where sizes contradict each other or a replacement has no end; no trie,
  // however damaged, leads a look-up astray. An empty blob means no rules.
  Charsmap(std::string_view blob, const std::string& path);

  // The longest rule that begins text: returns the bytes it consumes, 0 where there is none.
  size_t longest(std::string_view text, std::string_view& replacement) const;

  // The shortest rule that begins text (crate spm_precompiled 0.1.4 takes the first it meets).
  bool shortest(std::string_view text, std::string_view& replacement) const;

  // Whether this ASCII character, where ASCII or nothing follows, is left as it is.
  bool is_plain(uint8_t c) const { return plain_[c]; }

 private:
  std::string_view replacement_at(uint32_t value) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
  std::array<bool, 256> plain_{};
};

}  // namespace soragrad::data
