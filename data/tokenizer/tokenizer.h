// Text to ids, id for id as Hugging Face's tokenizers (transformers 4.46, tokenizers 0.20.3):
// DeBERTaV3 in its slow (SentencePiece) and fast form, RoBERTa and BERT in their fast form.
// load_tokenizer() makes one from a model folder.
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

// Which end of an over-long pair loses a token where both sentences are equally long.
enum class Truncation {
  slow,  // one token at a time, ties drop from the second (Python)
  fast,  // an odd token goes to the second unless the first is longer (Rust)
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

  // The ids of `text`, or of the two sentences, between special tokens. Bytes that are no UTF-8
  // become U+FFFD. max_length counts special tokens; 0 means no limit. Fails (UsageError) where
  // max_length leaves no room beside the special tokens. May be called from several threads.
  Encoded encode(std::string_view text, std::optional<std::string_view> pair = std::nullopt,
                 int max_length = 0) const;

  // Special tokens around one sentence (2) or a pair (3, RoBERTa 4).
  int special_tokens(bool pair) const { return pair ? 2 + special_.separators : 2; }

  int vocab_size() const { return vocab_size_; }  // ids are below it
  int32_t pad_id() const { return special_.pad; }
  int32_t cls_id() const { return special_.cls; }
  int32_t sep_id() const { return special_.sep; }
  int32_t unk_id() const { return special_.unk; }
  int32_t mask_id() const { return special_.mask; }

 protected:
  Tokenizer(SpecialTokens special, Truncation truncation, int vocab_size);

  // Appends the ids of valid UTF-8, without special tokens around them.
  virtual void append_ids(std::string_view text, Scratch& scratch,
                          std::vector<int32_t>& ids) const = 0;

 private:
  SpecialTokens special_;
  Truncation truncation_;
  int vocab_size_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_;  // scratches no call uses at the moment
};

// The lengths that remain of two sentences of n1 and n2 tokens so that together they fit `budget`
// (longest_first).
struct PairLengths {
  size_t first, second;
};
PairLengths truncate_pair(size_t n1, size_t n2, size_t budget, Truncation truncation);

// Reads config.json (model_type deberta-v2, roberta, bert) and the tokenizer's files: spm.model,
// vocab.json + merges.txt or vocab.txt, or tokenizer.json where those are missing. `mode` is
// "slow", "fast" or empty for the default: slow for DeBERTaV3 with spm.model, fast otherwise.
// Fails, naming the file, where one is missing or malformed; UsageError for a mode that the model
// does not have.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& model_dir,
                                          std::string_view mode = {});

}  // namespace soragrad::data
