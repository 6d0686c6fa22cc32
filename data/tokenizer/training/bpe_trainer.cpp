#include "data/tokenizer/training/bpe_trainer.h"

#include <queue>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace soragrad::data {
namespace {

using Pair = uint64_t;  // two ids; compares as (left, right)

Pair pair_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}
int32_t left_of(Pair pair) {
  return static_cast<int32_t>(pair >> 32);
}
int32_t right_of(Pair pair) {
  return static_cast<int32_t>(pair & 0xffffffffu);
}

struct Candidate {
  int64_t count;
  Pair pair;
  // The queue's top: the largest count, then the smallest pair.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Merger {
 public:
  explicit Merger(std::vector<BpeWord> words) : words_(std::move(words)) {
    for (size_t i = 0; i < words_.size(); ++i) {
      const std::vector<int32_t>& symbols = words_[i].symbols;
      for (size_t j = 0; j + 1 < symbols.size(); ++j) {
        count(pair_of(symbols[j], symbols[j + 1]), words_[i].count, i);
      }
    }
    push_touched();
  }

  // The pair that occurs most often; false if none occurs min_count times.
  bool best(int64_t min_count, Pair& pair) {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const int64_t now = counts_[top.pair];
      if (now != top.count) {  // has fallen since it was pushed
        if (now > 0) queue_.push({now, top.pair});
        continue;
      }
      if (now < min_count || now < 1) return false;
      pair = top.pair;
      return true;
    }
    return false;
  }

  void merge(Pair pair, int32_t id) {
    const std::unordered_set<size_t> places = std::move(places_[pair]);
    places_.erase(pair);
    for (const size_t word : places) merge_in(word, pair, id);
    counts_[pair] = 0;
    push_touched();
  }

 private:
  void count(Pair pair, int64_t more, size_t word) {
    counts_[pair] += more;
    if (more > 0) {
      places_[pair].insert(word);
      touched_.insert(pair);
    }
  }

  void merge_in(size_t index, Pair pair, int32_t id) {
    BpeWord& word = words_[index];
    std::vector<int32_t>& symbols = word.symbols;
    for (size_t j = 0; j + 1 < symbols.size(); ++j) {
      if (pair_of(symbols[j], symbols[j + 1]) != pair) continue;
      if (j > 0) {
        count(pair_of(symbols[j - 1], symbols[j]), -word.count, index);
        count(pair_of(symbols[j - 1], id), word.count, index);
      }
      if (j + 2 < symbols.size()) {
        count(pair_of(symbols[j + 1], symbols[j + 2]), -word.count, index);
        count(pair_of(id, symbols[j + 2]), word.count, index);
      }
      symbols[j] = id;
      symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(j) + 1);
    }
  }

  // Pairs whose count has risen come into the queue; others are looked up when they are on top.
  void push_touched() {
    for (const Pair pair : touched_) {
      if (counts_[pair] > 0) queue_.push({counts_[pair], pair});
    }
    touched_.clear();
  }

  std::vector<BpeWord> words_;
  std::unordered_map<Pair, int64_t> counts_;
  std::unordered_map<Pair, std::unordered_set<size_t>> places_;  // words that hold or held it
  std::unordered_set<Pair> touched_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

void train_bpe(std::vector<BpeWord> words, size_t vocab_size, int64_t min_count,
               const std::string& prefix, BpeVocabulary& vocabulary) {
  std::unordered_map<std::string, int32_t> ids;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    ids.emplace(vocabulary.tokens[id], static_cast<int32_t>(id));
  }
  Merger merger(std::move(words));
  Pair pair = 0;
  while (vocabulary.tokens.size() < vocab_size && merger.best(min_count, pair)) {
    std::string_view second = vocabulary.tokens[static_cast<size_t>(right_of(pair))];
    if (!prefix.empty() && second.starts_with(prefix)) second.remove_prefix(prefix.size());
    const std::string text =
        vocabulary.tokens[static_cast<size_t>(left_of(pair))] + std::string(second);
    const auto [place, fresh] = ids.emplace(text, static_cast<int32_t>(vocabulary.tokens.size()));
    if (fresh) vocabulary.tokens.push_back(text);
    vocabulary.merges.emplace_back(left_of(pair), right_of(pair));
    merger.merge(pair, place->second);
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
