// RoBERTa's vocab.json and merges.txt: byte-level BPE over GPT-2's pre-tokens. Ids as in
// roberta-base: <s>, <pad>, </s>, <unk>, then bytes and merges, <mask> last.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/file.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/training/bpe_trainer.h"
#include "data/tokenizer/training/families.h"
#include "data/tokenizer/training/word_counts.h"

namespace soragrad::data {
namespace {

constexpr std::array<const char*, 4> kSpecial = {"<s>", "<pad>", "</s>", "<unk>"};

void split_pre_tokens(std::string_view line, const WordVisitor& visit) {
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = pre_token_end(line, begin);
    visit(line.substr(begin, end - begin));
    begin = end;
  }
}

}  // namespace

TrainedTokenizer train_byte_level_bpe(const TokenizerTraining& training) {
  constexpr int64_t kSmallest = kSpecial.size() + 256 + 1;
  if (training.vocab_size < kSmallest) {
    throw UsageError(
        fmt::format("[train-tokenizer] a vocabulary of {}; roberta needs at least {}: special "
                    "tokens and bytes.",
                    training.vocab_size, kSmallest));
  }
  const std::vector<WordCount> counts = count_words(training.corpus, split_pre_tokens);
  BpeVocabulary vocabulary{{kSpecial.begin(), kSpecial.end()}, {}};
  // The alphabet in the order of its characters, as the reference's.
  std::array<std::string, 256> alphabet = byte_alphabet();
  std::array<int32_t, 256> byte_ids{};
  std::array<std::string, 256> sorted = alphabet;
  std::sort(sorted.begin(), sorted.end());
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto place = std::lower_bound(sorted.begin(), sorted.end(), alphabet[byte]);
    byte_ids[byte] =
        static_cast<int32_t>(kSpecial.size()) + static_cast<int32_t>(place - sorted.begin());
  }
  vocabulary.tokens.insert(vocabulary.tokens.end(), sorted.begin(), sorted.end());
  std::vector<BpeWord> words;
  for (const WordCount& count : counts) {
    BpeWord word{{}, count.count};
    for (const char byte : count.word) word.symbols.push_back(byte_ids[static_cast<uint8_t>(byte)]);
    words.push_back(std::move(word));
  }
  train_bpe(std::move(words), static_cast<size_t>(training.vocab_size - 1), kLeastPairs, "",
            vocabulary);

  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : vocabulary.merges) {
    merges += vocabulary.tokens[static_cast<size_t>(left)] + " " +
              vocabulary.tokens[static_cast<size_t>(right)] + "\n";
  }
  vocabulary.tokens.emplace_back("<mask>");
  nlohmann::json vocab;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) vocab[vocabulary.tokens[id]] = id;
  write_file_atomically(training.output + "/vocab.json", vocab.dump() + "\n");
  write_file_atomically(training.output + "/merges.txt", merges);
  return {static_cast<int64_t>(vocabulary.tokens.size()), static_cast<int64_t>(counts.size())};
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
