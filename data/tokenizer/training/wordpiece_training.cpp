// BERT's vocab.txt: pieces by BPE over BERT's words, those inside a word with "##" in front, as
// WordPieceTrainer of Hugging Face's tokenizers builds them. [PAD], [UNK], [CLS], [SEP], [MASK]
// come first, then the characters that occur most often, then the merges.
#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "data/tokenizer/training/bpe_trainer.h"
#include "data/tokenizer/training/families.h"
#include "data/tokenizer/training/word_counts.h"
#include "data/tokenizer/unicode.h"
#include "data/tokenizer/wordpiece.h"

namespace soragrad::data {
namespace {

constexpr const char* kContinuation = "##";
constexpr size_t kMaxAlphabet = 1000;  // characters; rarer ones are [UNK]

std::vector<std::string> characters(std::string_view word) {
  std::vector<std::string> result;
  for (size_t position = 0; position < word.size();) {
    const size_t begin = position;
    next_char(word, position);
    result.emplace_back(word.substr(begin, position - begin));
  }
  return result;
}

// The characters of all words, the most frequent kMaxAlphabet of them, sorted.
std::vector<std::string> alphabet_of(const std::vector<WordCount>& counts) {
  std::map<std::string, int64_t> occurrences;
  for (const WordCount& count : counts) {
    for (const std::string& c : characters(count.word)) occurrences[c] += count.count;
  }
  std::vector<std::pair<std::string, int64_t>> ordered(occurrences.begin(), occurrences.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ordered.resize(std::min(ordered.size(), kMaxAlphabet));
  std::vector<std::string> alphabet;
  for (auto& [c, count] : ordered) alphabet.push_back(std::move(c));
  std::sort(alphabet.begin(), alphabet.end());
  return alphabet;
}

}  // namespace

TrainedTokenizer train_wordpiece(const TokenizerTraining& training) {
  WordPieceSpec spec;
  spec.vocab = {{"[UNK]", 0}};
  spec.lower_case = spec.strip_accents = training.lower_case;
  const WordPieceTokenizer cutter(spec, {}, {}, 1);
  const std::vector<WordCount> counts = count_words(
      training.corpus,
      [&](std::string_view line, const WordVisitor& visit) { cutter.for_each_word(line, visit); });
  BpeVocabulary vocabulary{{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, {}};
  std::map<std::string, int32_t> ids;
  const auto add = [&](const std::string& token) {
    const auto [place, fresh] = ids.emplace(token, vocabulary.tokens.size());
    if (fresh) vocabulary.tokens.push_back(token);
    return place->second;
  };
  const std::vector<std::string> alphabet = alphabet_of(counts);
  for (const std::string& c : alphabet) add(c);
  std::vector<BpeWord> words;
  for (const WordCount& count : counts) {
    BpeWord word{{}, count.count};
    for (const std::string& c : characters(count.word)) {
      if (!std::binary_search(alphabet.begin(), alphabet.end(), c)) continue;
      word.symbols.push_back(add(word.symbols.empty() ? c : kContinuation + c));
    }
    words.push_back(std::move(word));
  }
  if (training.vocab_size < static_cast<int64_t>(vocabulary.tokens.size())) {
    throw UsageError(fmt::format(
        "[train-tokenizer] a vocabulary of {}; special tokens and the text's characters are {} "
        "already.",
        training.vocab_size, vocabulary.tokens.size()));
  }
  train_bpe(std::move(words), static_cast<size_t>(training.vocab_size), kLeastPairs, kContinuation,
            vocabulary);
  std::string text;
  for (const std::string& token : vocabulary.tokens) text += token + "\n";
  write_file_atomically(training.output + "/vocab.txt", text);
  return {static_cast<int64_t>(vocabulary.tokens.size()), static_cast<int64_t>(counts.size())};
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
