// What all tokenizers share: repair of the bytes, special tokens, truncation.
#include "data/tokenizer/tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "data/tokenizer/scratch.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr size_t kMaxTextBytes = size_t{1} << 30;  // positions are 32-bit

}  // namespace

PairLengths truncate_pair(size_t n1, size_t n2, size_t budget, Truncation truncation) {
  if (n1 + n2 <= budget) return {n1, n2};
  if (truncation == Truncation::slow) {
    // Dropping one token at a time from the longer sentence, on a tie from the second, ends with
    // two halves, or with the shorter sentence whole.
    const size_t half = (budget + 1) / 2;
    if (n1 <= half && n1 <= n2) return {n1, budget - n1};
    if (n2 <= budget / 2) return {budget - n2, n2};
    return {half, budget - half};
  }
  // tokenizers/src/utils/truncation.rs
  size_t shorter = std::min(n1, n2);
  size_t longer = shorter > budget ? shorter : std::max(shorter, budget - shorter);
  if (shorter + longer > budget) {
    shorter = budget / 2;
    longer = shorter + budget % 2;
  }
  if (n1 > n2) return {longer, shorter};
  return {shorter, longer};
}

Tokenizer::Tokenizer(SpecialTokens special, Truncation truncation, int vocab_size)
    : special_(special), truncation_(truncation), vocab_size_(vocab_size) {}

Tokenizer::~Tokenizer() = default;

// Takes idle buffers or makes new ones; the first sentence is segmented into the result, the second
// into a buffer of its own, so that both can be cut before they are joined.
Encoded Tokenizer::encode(std::string_view text, std::optional<std::string_view> pair,
                          int max_length) const {
  const int special = special_tokens(pair.has_value());
  if (max_length != 0 && max_length <= special) {
    throw UsageError(
        fmt::format("[tokenizer] max_length {} leaves no room beside the {} special "
                    "tokens of {}; give at least {}.",
                    max_length, special, pair ? "a pair" : "a sentence", special + 1));
  }
  for (const std::string_view part : {text, pair.value_or("")}) {
    require(part.size() < kMaxTextBytes, "[tokenizer] a text of {} bytes; at most {} are possible.",
            part.size(), kMaxTextBytes - 1);
  }

  std::unique_ptr<Scratch> scratch;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      scratch = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!scratch) scratch = std::make_unique<Scratch>();

  Encoded encoded;
  std::vector<int32_t>& ids = encoded.ids;
  ids.reserve(text.size() / 3 + (pair ? pair->size() / 3 : 0) + 8);
  ids.push_back(special_.cls);
  append_ids(repair_utf8(text, scratch->repaired), *scratch, ids);
  if (!pair) {
    if (max_length != 0) ids.resize(std::min(ids.size(), static_cast<size_t>(max_length) - 1));
    ids.push_back(special_.sep);
  } else {
    std::vector<int32_t>& second = scratch->second;
    second.clear();
    append_ids(repair_utf8(*pair, scratch->repaired), *scratch, second);
    if (max_length != 0) {
      const PairLengths keep = truncate_pair(
          ids.size() - 1, second.size(), static_cast<size_t>(max_length - special), truncation_);
      ids.resize(1 + keep.first);
      second.resize(keep.second);
    }
    ids.insert(ids.end(), static_cast<size_t>(special_.separators), special_.sep);
    encoded.second_begin = static_cast<int32_t>(ids.size());
    ids.insert(ids.end(), second.begin(), second.end());
    ids.push_back(special_.sep);
  }

  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(scratch));
  return encoded;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
