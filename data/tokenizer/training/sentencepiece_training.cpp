// DeBERTaV3's spm.model, by SentencePiece's own trainer over the words of the corpus with their
// counts: the model never joins words anyway, and millions of lines become some 100,000 words.
#include <sentencepiece_trainer.h>

#include <unordered_map>

#include "core/error.h"
#include "core/file.h"
#include "data/tokenizer/training/families.h"
#include "data/tokenizer/training/word_counts.h"

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

// Lines "word TAB count".
class Words : public sentencepiece::SentenceIterator {
 public:
  explicit Words(const std::vector<WordCount>& words) : words_(words) { fill(); }
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
  Words lines(words);
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
  require(status.ok(), "[train-tokenizer] SentencePiece: {}", status.ToString());
  write_file_atomically(training.output + "/spm.model", model);
  return {training.vocab_size, static_cast<int64_t>(words.size())};
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
