#include "data/tokenizer/word_cache.h"

#include <cstring>

namespace soragrad::data {
namespace {

// Mixes the word eight bytes at a time, by multiplications with the constants of splitmix64.
uint32_t hash_of(std::string_view word) {
  uint64_t hash = word.size() * 0x9E3779B97F4A7C15u;
  while (!word.empty()) {
    uint64_t part = 0;
    const size_t size = word.size() < 8 ? word.size() : 8;
    std::memcpy(&part, word.data(), size);
    hash = (hash ^ part) * 0xBF58476D1CE4E5B9u;
    hash ^= hash >> 29;
    word.remove_prefix(size);
  }
  hash *= 0x94D049BB133111EBu;
  return static_cast<uint32_t>(hash >> 32);
}

}  // namespace

size_t WordCache::locate(std::string_view word, uint32_t hash) const {
  size_t slot = hash % kSlots;
  while (slots_[slot].used &&
         (slots_[slot].hash != hash || slots_[slot].length != word.size() ||
          std::memcmp(texts_.data() + slots_[slot].text, word.data(), word.size()) != 0)) {
    slot = (slot + 1) % kSlots;
  }
  return slot;
}

// Slots are allocated by the first insert(): a tokenizer that is never used costs nothing.
bool WordCache::append_known(std::string_view word, std::vector<int32_t>& ids) const {
  if (word.size() > kMaxWordBytes || slots_.empty()) return false;
  const Slot& slot = slots_[locate(word, hash_of(word))];
  if (!slot.used) return false;
  const auto known = ids_.begin() + slot.ids;
  ids.insert(ids.end(), known, known + slot.count);
  return true;
}

void WordCache::insert(std::string_view word, std::span<const int32_t> ids) {
  if (word.size() > kMaxWordBytes || ids.size() > kMaxWordBytes) return;
  if (slots_.empty() || words_ == kMaxWords) {
    slots_.assign(kSlots, Slot{});
    texts_.clear();
    ids_.clear();
    words_ = 0;
  }
  const uint32_t hash = hash_of(word);
  slots_[locate(word, hash)] = {hash,
                                static_cast<uint32_t>(texts_.size()),
                                static_cast<uint32_t>(ids_.size()),
                                static_cast<uint16_t>(word.size()),
                                static_cast<uint16_t>(ids.size()),
                                true};
  texts_.append(word);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  ++words_;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
