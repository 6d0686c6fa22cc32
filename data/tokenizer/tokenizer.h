// Text to ids, with exactly the ids of Hugging Face's tokenizers (transformers 4.46, tokenizers
// 0.20.3): DeBERTaV3 in its slow (SentencePiece) and fast form, RoBERTa and BERT in their fast
// form. load_tokenizer() makes one from a model folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "data/encoded.h"

namespace soragrad::data {

struct Scratch;  // buffers and caches of one call, see scratch.h

// How a pair that is too long is cut ("longest_first"). The two reference implementations differ if
// both sentences are equally long.
enum class Truncation {
  slow,  // Python: drops one token at a time from the longer sentence; on a tie from the second
  fast,  // Rust: both get half; an odd token goes to the second unless the first is longer
};

struct SpecialTokens {
  int32_t cls = 0;
  int32_t sep = 0;
  int32_t pad = 0;
  int32_t unk = 0;
  int32_t mask = 0;
  int separators = 1;  // between the sentences of a pair: 1, or 2 for RoBERTa
};

class Tokenizer {
 public:
  virtual ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // Returns the ids of `text`, or of the two sentences, with special tokens around them. Invalid
  // UTF-8 becomes U+FFFD. At most max_length ids, special tokens included; 0: no limit. Throws
  // UsageError if max_length leaves no room beside the special tokens, and Error for a text of 1
  // GiB or more. May be called from several threads.
  Encoded encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                 int max_length = 0) const;

  // Number of special tokens around one sentence (2) or a pair (3; RoBERTa 4).
  int special_tokens(bool pair) const { return pair ? 2 + special_.separators : 2; }

  int vocab_size() const { return vocab_size_; }  // all ids are below it
  int32_t pad_id() const { return special_.pad; }
  int32_t cls_id() const { return special_.cls; }
  int32_t sep_id() const { return special_.sep; }
  int32_t unk_id() const { return special_.unk; }
  int32_t mask_id() const { return special_.mask; }

 protected:
  Tokenizer(SpecialTokens special, Truncation truncation, int vocab_size);

  // Appends the ids of `text`, which is valid UTF-8, without special tokens around them.
  virtual void append_ids(std::string_view text, Scratch& scratch,
                          std::vector<int32_t>& ids) const = 0;

 private:
  SpecialTokens special_;
  Truncation truncation_;
  int vocab_size_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_;  // buffers that no call is using
};

// The lengths to which sentences of n1 and n2 tokens are cut so that together they have at most
// `budget` tokens.
struct PairLengths {
  size_t first, second;
};
PairLengths truncate_pair(size_t n1, size_t n2, size_t budget, Truncation truncation);

// Makes the tokenizer of a model folder. Reads config.json (model_type deberta-v2, roberta or bert)
// and the tokenizer's files: spm.model, vocab.json with merges.txt, or vocab.txt; tokenizer.json if
// those are missing. `mode` is "slow", "fast" or empty for the default: slow for DeBERTaV3 with
// spm.model, fast otherwise. Throws Error, naming the file, if one is missing or malformed, and
// UsageError for a mode that the model does not have.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir,
                                          std::string_view mode = {});

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
