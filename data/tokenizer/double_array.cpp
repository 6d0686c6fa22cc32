// Building the double array. Nodes are placed depth first. The child of a node along byte b is unit
// base ^ b. Every base belongs to one node, so the label stored in a unit proves whose child it is.
#include "data/tokenizer/double_array.h"

#include <algorithm>
#include <cassert>

namespace soragrad::data {

// Searches free units for each node's children. The free units of the last kOpenBlocks blocks are a
// linked list; those of older blocks are given up, which bounds the search and wastes a few units.
class DoubleArray::Builder {
 public:
  explicit Builder(std::vector<Unit>& units) : units_(units) {
    units_.assign(kBlock, Unit{});
    links_.resize(kBlock);
    base_used_.assign(kBlock, 1);  // block 0 is the base of all leaves
  }

  // Places all nodes for the sorted keys. Returns the base of the root. A Range on the stack is a
  // node that is still to be expanded: the keys [first, last), which agree in `depth` bytes.
  uint32_t build(const std::vector<Key>& keys) {
    uint32_t root = 0;
    std::vector<Range> stack{{0, keys.size(), 0, kNoUnit}};
    while (!stack.empty()) {
      Range range = stack.back();
      stack.pop_back();
      if (range.unit != kNoUnit && keys[range.first].text.size() == range.depth) {
        units_[range.unit].check |= static_cast<uint32_t>(keys[range.first].value + 1)
                                    << kLabelBits;
        ++range.first;
      }
      if (range.first == range.last) continue;
      labels_.clear();
      size_t starts[257];
      for (size_t i = range.first; i < range.last; ++i) {
        const auto label = static_cast<uint8_t>(keys[i].text[range.depth]);
        if (labels_.empty() || labels_.back() != label) {
          starts[labels_.size()] = i;
          labels_.push_back(label);
        }
      }
      starts[labels_.size()] = range.last;
      const uint32_t base = find_base();
      base_used_[base] = 1;
      (range.unit == kNoUnit ? root : units_[range.unit].base) = base;
      for (size_t i = labels_.size(); i-- > 0;) {
        const uint32_t unit = base ^ labels_[i];
        take(unit);
        units_[unit].check = labels_[i];
        stack.push_back({starts[i], starts[i + 1], range.depth + 1, unit});
      }
    }
    return root;
  }

 private:
  static constexpr uint32_t kBlock = 256;
  static constexpr uint32_t kOpenBlocks = 16;
  static constexpr uint32_t kNoUnit = UINT32_MAX;

  struct Range {
    size_t first, last;  // keys
    size_t depth;
    uint32_t unit;  // the node's unit; kNoUnit for the root
  };
  struct Link {  // neighbours in the list of free units
    uint32_t previous, next;
  };

  // The first base, in the order of free units, for which the units of all labels_ are free.
  uint32_t find_base() {
    for (uint32_t free = head_; free != kNoUnit; free = links_[free].next) {
      const uint32_t base = free ^ labels_[0];
      if (base_used_[base] == 0 && std::all_of(labels_.begin(), labels_.end(), [&](uint8_t label) {
            return units_[base ^ label].check == kFree;
          })) {
        return base;
      }
    }
    add_block();
    return (static_cast<uint32_t>(units_.size()) - kBlock) ^ labels_[0];
  }

  // Appends 256 free units and closes the oldest open block, whose free units are lost.
  void add_block() {
    const auto begin = static_cast<uint32_t>(units_.size());
    units_.resize(begin + kBlock);
    links_.resize(begin + kBlock);
    base_used_.resize(begin + kBlock, 0);
    for (uint32_t unit = begin; unit < begin + kBlock; ++unit) {
      links_[unit] = {tail_, kNoUnit};
      (tail_ == kNoUnit ? head_ : links_[tail_].next) = unit;
      tail_ = unit;
    }
    const uint32_t oldest = begin / kBlock - std::min(begin / kBlock, kOpenBlocks);
    while (head_ < oldest * kBlock) take(head_);
  }

  // Removes a unit from the list of free ones.
  void take(uint32_t unit) {
    const Link link = links_[unit];
    (link.previous == kNoUnit ? head_ : links_[link.previous].next) = link.next;
    (link.next == kNoUnit ? tail_ : links_[link.next].previous) = link.previous;
  }

  std::vector<Unit>& units_;
  std::vector<Link> links_;
  std::vector<uint8_t> base_used_;
  std::vector<uint8_t> labels_;  // bytes that lead from the node being placed to its children
  uint32_t head_ = kNoUnit;
  uint32_t tail_ = kNoUnit;
};

DoubleArray::DoubleArray(std::vector<Key> keys) {
  // Keys are sorted with their first eight bytes as one number, which decides most comparisons.
  struct Sortable {
    uint64_t prefix;
    Key key;
  };
  std::vector<Sortable> sortable(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    assert(!keys[i].text.empty() && keys[i].value >= 0 && keys[i].value <= kMaxValue);
    uint64_t prefix = 0;
    for (size_t byte = 0; byte < 8; ++byte) {
      prefix =
          prefix << 8 | (byte < keys[i].text.size() ? static_cast<uint8_t>(keys[i].text[byte]) : 0);
    }
    sortable[i] = {prefix, keys[i]};
  }
  std::sort(sortable.begin(), sortable.end(), [](const Sortable& a, const Sortable& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.key.text < b.key.text;
  });
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = sortable[i].key;
  root_ = Builder(units_).build(keys);
}

int32_t DoubleArray::find(std::string_view text) const {
  Node node = root();
  for (const char byte : text) {
    if (!step(node, static_cast<uint8_t>(byte))) return -1;
  }
  return node.value;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
