#include "data/masks.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace soragrad::data {
namespace {

// Random words of one row, one after another.
class RandomWords {
 public:
  RandomWords(const RandomStream& stream, int64_t row) : stream_(stream), row_(row) {}

  uint32_t next() {
    if (used_ == 4) {
      // The high 32 bits of a block's number are the row and the low ones count the row's blocks,
      // so no two rows draw the same words.
      words_ = philox(stream_, static_cast<uint64_t>(row_) << 32 | block_++);
      used_ = 0;
    }
    return words_.bits[used_++];
  }
  // A whole number from 0 to count - 1.
  int64_t below(int64_t count) {
    return static_cast<int64_t>(uint64_t{next()} * static_cast<uint64_t>(count) >> 32);
  }
  double unit() { return next() * 0x1p-32; }

 private:
  RandomStream stream_;
  int64_t row_;
  uint64_t block_ = 0;
  Philox4 words_{};
  int used_ = 4;
};

}  // namespace

Masker::Masker(const Tokenizer& tokenizer, int64_t vocab_size, const MaskRule& rule, uint64_t seed)
    : special_{tokenizer.cls_id(), tokenizer.sep_id(), tokenizer.pad_id(), tokenizer.unk_id(),
               tokenizer.mask_id()},
      mask_id_(tokenizer.mask_id()),
      vocab_size_(vocab_size),
      rule_(rule),
      seed_(seed) {
  require(mask_id_ >= 0 && mask_id_ < vocab_size,
          "[pretrain] the tokenizer's mask token has id {}; the model's vocab_size is {}: the "
          "tokenizer lacks a mask token, or config.json is another model's.",
          mask_id_, vocab_size);
  std::sort(special_.begin(), special_.end());
  special_.erase(std::unique(special_.begin(), special_.end()), special_.end());
  std::erase_if(special_, [&](int64_t id) { return id < 0 || id >= vocab_size; });
  require(vocab_size > static_cast<int64_t>(special_.size()),
          "[pretrain] a vocabulary of {} tokens has special ones alone.", vocab_size);
}

bool Masker::is_special(int64_t id) const {
  return std::binary_search(special_.begin(), special_.end(), id);
}

void Masker::append(std::span<const int32_t> ids, uint32_t step, int64_t row,
                    MaskedBatch& batch) const {
  if (batch.offsets.empty()) batch.offsets.push_back(0);
  const int64_t first = batch.tokens();
  std::vector<int64_t> candidates;
  for (size_t i = 0; i < ids.size(); ++i) {
    batch.input_ids.push_back(ids[i]);
    if (!is_special(ids[i])) candidates.push_back(first + static_cast<int64_t>(i));
  }
  batch.offsets.push_back(batch.tokens());

  const auto wanted = static_cast<size_t>(
      std::max(1.0, std::round(rule_.mlm_probability * static_cast<double>(ids.size()))));
  const size_t count = std::min(wanted, candidates.size());
  RandomWords words({seed_, random_site("masks"), step}, row);
  for (size_t i = 0; i < count; ++i) {  // the first steps of Fisher and Yates' shuffle
    const auto other =
        i + static_cast<size_t>(words.below(static_cast<int64_t>(candidates.size() - i)));
    std::swap(candidates[i], candidates[other]);
  }
  candidates.resize(count);
  std::sort(candidates.begin(), candidates.end());
  for (const int64_t position : candidates) {
    int64_t& id = batch.input_ids[static_cast<size_t>(position)];
    batch.positions.push_back(position);
    batch.labels.push_back(id);
    const double choice = words.unit();
    if (choice < rule_.mask_replace) {
      id = mask_id_;
    } else if (choice < rule_.mask_replace + rule_.random_replace) {
      id = words.below(vocab_size_ - static_cast<int64_t>(special_.size()));
      for (const int64_t special : special_) id += id >= special ? 1 : 0;
    }
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
