// RoBERTa's tokenizer: GPT-2's byte-level byte-pair encoding (RobertaTokenizerFast).
// Source: tokenizers 0.20.3, pre_tokenizers/byte_level.rs and models/bpe/word.rs.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/tokenizer/added_tokens.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

using Vocab = std::unordered_map<std::string, int32_t>;  // token text to id

struct BpeSpec {
  Vocab vocab;  // in GPT-2's byte alphabet: a space is U+0120
  std::vector<std::pair<std::string, std::string>> merges;  // best first
  bool add_prefix_space = false;
};

// The end of the pre-token that begins at text[begin], by GPT-2's expression
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t pre_token_end(std::string_view text, size_t begin);

class ByteLevelBpeTokenizer : public Tokenizer {
 public:
  // Fails, naming `path`, where a merge speaks of tokens the vocabulary lacks.
  ByteLevelBpeTokenizer(const BpeSpec& spec, const std::vector<AddedToken>& tokens,
                        SpecialTokens special, int vocab_size, const std::string& path);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  // The merges as an open-addressed table: a pair of ids to its rank and the merged id.
  struct Slot {
    uint64_t pair = kNoPair;
    uint32_t rank = kNoRank;
    int32_t id = -1;
  };
  static constexpr uint64_t kNoPair = UINT64_MAX;
  static constexpr uint32_t kNoRank = UINT32_MAX;

  const Slot& find_merge(int32_t left, int32_t right) const;
  void append_stretch(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;

  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  std::array<int32_t, 256> byte_ids_{};  // -1: the vocabulary lacks the byte, which is dropped
  std::vector<Slot> slots_;              // a power of two
  bool add_prefix_space_;
};

}  // namespace soragrad::data
