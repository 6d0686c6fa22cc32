// The ids of words already seen. Natural text repeats itself: nine words of ten are found here. Not
// thread-safe; each Scratch has its own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

class WordCache {
 public:
  // Appends a word's ids to `ids`. If the word is not known, segment() must append them to the same
  // vector; they are then remembered. A full cache forgets everything first.
  template <typename Segment>
  void append(std::string_view word, std::vector<int32_t>& ids, const Segment& segment) {
    if (append_known(word, ids)) return;
    const size_t first = ids.size();
    segment();
    insert(word, std::span(ids).subspan(first));
  }

 private:
  static constexpr size_t kMaxWordBytes = 64;  // longer words are not cached: they rarely come back
  static constexpr size_t kSlots = size_t{1} << 16;
  static constexpr size_t kMaxWords = kSlots / 2;

  struct Slot {
    uint32_t hash = 0;
    uint32_t text = 0;  // offset in texts_
    uint32_t ids = 0;   // offset in ids_
    uint16_t length = 0;
    uint16_t count = 0;  // number of ids, at most kMaxWordBytes
    bool used = false;
  };
  bool append_known(std::string_view word, std::vector<int32_t>& ids) const;
  void insert(std::string_view word, std::span<const int32_t> ids);
  // The slot that holds the word, or the free slot for it. Linear probing: half of the slots stay
  // free, so there is one.
  size_t locate(std::string_view word, uint32_t hash) const;

  std::vector<Slot> slots_;
  std::string texts_;
  std::vector<int32_t> ids_;
  size_t words_ = 0;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
