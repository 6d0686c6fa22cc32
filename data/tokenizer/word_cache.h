// Ids of words already seen. Natural text repeats itself: nine words of ten are found here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data {

class WordCache {
 public:
  // Appends a word's ids: known ones, or those that segment() appends to the same vector, which are
  // remembered. A full cache first forgets everything.
  template <typename Segment>
  void append(std::string_view word, std::vector<int32_t>& ids, const Segment& segment) {
    if (append_known(word, ids)) return;
    const size_t first = ids.size();
    segment();
    insert(word, std::span(ids).subspan(first));
  }

 private:
  static constexpr size_t kMaxWordBytes = 64;  // longer words rarely come back
  static constexpr size_t kSlots = size_t{1} << 16;
  static constexpr size_t kMaxWords = kSlots / 2;

  struct Slot {
    uint32_t hash = 0;
    uint32_t text = 0;  // offset in texts_
    uint32_t ids = 0;   // offset in ids_
    uint16_t length = 0;
    uint16_t count = 0;  // ids; a word's bytes bound it
    bool used = false;
  };
  bool append_known(std::string_view word, std::vector<int32_t>& ids) const;
  void insert(std::string_view word, std::span<const int32_t> ids);
  // The slot that holds the word, or the free one where it belongs.
  size_t locate(std::string_view word, uint32_t hash) const;

  std::vector<Slot> slots_;
  std::string texts_;
  std::vector<int32_t> ids_;
  size_t words_ = 0;
};

}  // namespace soragrad::data
