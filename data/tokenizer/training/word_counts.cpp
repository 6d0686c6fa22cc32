#include "data/tokenizer/training/word_counts.h"

#include <algorithm>

#include "core/error.h"
#include "data/corpus/corpus.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr size_t kMaxWords = size_t{4} << 20;
constexpr size_t kMaxWordBytes = 256;

}  // namespace

std::vector<WordCount> count_words(const std::string& files, const WordSplitter& split) {
  std::unordered_map<std::string, int64_t> counts;
  std::string key, repaired;
  const auto visit = [&](std::string_view word) {
    if (word.empty() || word.size() > kMaxWordBytes) return;
    key = word;
    ++counts[key];
  };
  for (const std::string& path : corpus_files(files, "corpus")) {
    LineReader reader(path, 0);
    TextLine line;
    while (reader.next(line)) {
      std::replace(line.text.begin(), line.text.end(), '\0', ' ');
      split(repair_utf8(line.text, repaired), visit);
      if (counts.size() > kMaxWords) {
        std::erase_if(counts, [](const auto& item) { return item.second == 1; });
      }
    }
  }
  require(!counts.empty(), "[corpus] {}: no text; the files hold no word.", files);
  std::vector<WordCount> words;
  words.reserve(counts.size());
  for (const auto& [word, count] : counts) words.push_back({word, count});
  std::sort(words.begin(), words.end(), [](const WordCount& a, const WordCount& b) {
    return a.count != b.count ? a.count > b.count : a.word < b.word;
  });
  return words;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
