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
  static constexpr size_t kMaxWordBytes = 64;  // longer words rarely come back

  // The ids of a word, or false. The span lasts until the next insert.
  bool find(std::string_view word, std::span<const int32_t>& ids) const;

  // Remembers a word that find() missed; a full cache first forgets everything.
  void insert(std::string_view word, std::span<const int32_t> ids);

 private:
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
  // The slot that holds the word, or the free one where it belongs.
  size_t locate(std::string_view word, uint32_t hash) const;

  std::vector<Slot> slots_;
  std::string texts_;
  std::vector<int32_t> ids_;
  size_t words_ = 0;
};

}  // namespace soragrad::data
