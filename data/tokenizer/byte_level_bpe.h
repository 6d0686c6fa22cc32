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

// What the tokenizer is built from: vocab.json and merges.txt, or tokenizer.json.
struct BpeSpec {
  Vocab vocab;  // token texts are in GPT-2's byte alphabet: a space is U+0120
  std::vector<std::pair<std::string, std::string>> merges;  // the index is the rank; 0 is best
  bool add_prefix_space = false;  // put a space before a text that does not begin with one
  std::string unk_token;  // stands for bytes that the vocabulary lacks; empty: they are dropped
  bool fuse_unk = false;  // one for a run of such bytes instead of one for each
};

// The end of the pre-token that begins at text[begin], by GPT-2's expression:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// `text` is valid UTF-8 and begin < text.size().
size_t pre_token_end(std::string_view text, size_t begin);

// How GPT-2 writes each byte: a printable character for itself, U+0100 and up for the 68 others.
std::array<std::string, 256> byte_alphabet();

class ByteLevelBpeTokenizer : public Tokenizer {
 public:
  // Throws, naming `path`, if a merge uses a token that the vocabulary lacks, or if it lacks a byte
  // and the unk_token that stands for it.
  ByteLevelBpeTokenizer(const BpeSpec& spec, const std::vector<AddedToken>& tokens,
                        SpecialTokens special, int vocab_size, const std::string& path);

 protected:
  void append_ids(std::string_view text, Scratch& scratch,
                  std::vector<int32_t>& ids) const override;

 private:
  // An entry of the merge table, which is open-addressed: from a pair of ids to the rank and the id
  // of the merged token.
  struct Slot {
    uint64_t pair = kNoPair;
    uint32_t rank = kNoRank;
    int32_t id = -1;
  };
  static constexpr uint64_t kNoPair = UINT64_MAX;
  static constexpr uint32_t kNoRank = UINT32_MAX;

  // The slot of a pair; its rank is kNoRank if the pair does not merge.
  const Slot& find_merge(int32_t left, int32_t right) const;
  // A stretch is text between added tokens; a word is one of its pre-tokens.
  void append_stretch(std::string_view text, Scratch& scratch, std::vector<int32_t>& ids) const;
  void append_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;
  // Both merge scratch.symbols until no pair has a rank; they differ in speed alone.
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;

  AddedTokens raw_tokens_;
  AddedTokens normalized_tokens_;
  std::array<int32_t, 256> byte_ids_{};  // -1: the vocabulary lacks the byte
  std::vector<Slot> slots_;              // their number is a power of two
  bool add_prefix_space_;
  int32_t unk_id_ = -1;  // of such a byte; -1: it is dropped
  bool fuse_unk_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
