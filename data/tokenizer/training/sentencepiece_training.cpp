// DeBERTaV3's spm.model, by SentencePiece's own trainer over the words of the corpus with their
// counts: the model never joins words anyway, and millions of lines become some 100,000 words.
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/tokenizer/training/families.h"
#include "data/tokenizer/training/word_counts.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr int64_t kSmallest = 4 + 256 + 1 + 1;  // special tokens, bytes, a letter, [MASK]

void split_at_blanks(std::string_view line, const WordVisitor& visit) {
  while (!line.empty()) {
    const size_t end = line.find_first_of(" \t\r\v\f");
    visit(line.substr(0, end));
    line = end == line.npos ? std::string_view() : line.substr(end + 1);
  }
}

// SentencePiece ends the process if its normalization leaves nothing of all words: blanks, controls
// and U+2581, its own mark of a blank.
bool has_characters(const std::vector<WordCount>& words) {
  constexpr char32_t kBlankMark = 0x2581;
  return std::ranges::any_of(words, [](const WordCount& word) {
    for (size_t at = 0; at < word.word.size();) {
      const char32_t c = next_char(word.word, at);
      if (!is_white_space(c) && !is_bert_control(c) && c != kBlankMark && c != kReplacementChar) {
        return true;
      }
    }
    return false;
  });
}

// The number behind the last `mark` of a text.
std::optional<int64_t> number_after(std::string_view text, std::string_view mark) {
  const size_t at = text.rfind(mark);
  if (at == text.npos) return std::nullopt;
  const std::string_view rest = text.substr(at + mark.size());
  int64_t value = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), value).ec != std::errc()) {
    return std::nullopt;
  }
  return value;
}

// Tells in the program's own words why SentencePiece (0.1.97 to 0.2.0) refuses. Its count of tokens
// is one smaller: [MASK] follows its pieces.
[[noreturn]] void refuse(const std::string& reason, const TokenizerTraining& training) {
  const std::string corpus = shown(training.corpus);
  const bool is_large = reason.find("Vocabulary size too high") != reason.npos;
  const bool is_small = reason.find("Vocabulary size is smaller") != reason.npos;
  if (const auto most = number_after(reason, "<= "); is_large && most) {
    throw UsageError(
        fmt::format("[train-tokenizer] {}: the text has words for a vocabulary of at most {} "
                    "tokens, not of {}; "
                    "lower --vocab-size or add text.",
                    corpus, *most + 1, training.vocab_size));
  }
  if (const auto least = number_after(reason, " vs "); is_small && least) {
    throw UsageError(fmt::format(
        "[train-tokenizer] {}: a vocabulary of {}; special tokens, 256 bytes and the text's "
        "characters are {} already. Raise --vocab-size.",
        corpus, training.vocab_size, *least + 1));
  }
  const size_t end = reason.rfind("] ");  // of the condition in its source that did not hold
  fail(
      "[train-tokenizer] {}: SentencePiece cannot make a vocabulary of {} of this text: {}. Try "
      "another --vocab-size or more text.",
      corpus, training.vocab_size, shown(end == reason.npos ? reason : reason.substr(end + 2)));
}

// Lines "word TAB count".
class CountedWords : public sentencepiece::SentenceIterator {
 public:
  explicit CountedWords(const std::vector<WordCount>& words) : words_(words) { fill(); }
  bool done() const override { return index_ >= words_.size(); }
  void Next() override {
    ++index_;
    fill();
  }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void fill() {
    if (!done()) line_ = fmt::format("{}\t{}", words_[index_].word, words_[index_].count);
  }

  const std::vector<WordCount>& words_;
  size_t index_ = 0;
  std::string line_;
};

}  // namespace

TrainedTokenizer train_sentencepiece(const TokenizerTraining& training) {
  if (training.vocab_size < kSmallest) {
    throw UsageError(
        fmt::format("[train-tokenizer] a vocabulary of {}; deberta-v2 needs at least "
                    "{}: special tokens, 256 bytes, letters.",
                    training.vocab_size, kSmallest));
  }
  const std::vector<WordCount> words = count_words(training.corpus, split_at_blanks);
  require(has_characters(words),
          "[corpus] {}: no text; the files hold no character that is printed.",
          shown(training.corpus));
  CountedWords lines(words);
  std::string model;
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", "unigram"},
      {"input_format", "tsv"},
      {"vocab_size", std::to_string(training.vocab_size - 1)},  // [MASK] follows the pieces
      {"byte_fallback", "true"},
      {"character_coverage", "0.9999"},
      {"pad_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"unk_id", "3"},
      {"pad_piece", "[PAD]"},
      {"bos_piece", "[CLS]"},
      {"eos_piece", "[SEP]"},
      {"unk_piece", "[UNK]"},
      {"num_threads", "1"},
      {"minloglevel", "2"}};
  const sentencepiece::util::Status status =
      sentencepiece::SentencePieceTrainer::Train(settings, &lines, &model);
  if (!status.ok()) refuse(status.ToString(), training);
  write_file_atomically(training.output + "/spm.model", model);
  return {training.vocab_size, static_cast<int64_t>(words.size())};
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
