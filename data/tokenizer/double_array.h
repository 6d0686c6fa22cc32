// A read-only trie over byte strings as a double array: walking along one byte takes an xor, a load
// and a compare. J. Aoe, "An efficient digital search algorithm by using a double-array structure",
// 1989; the xor form is S. Yata's (darts-clone).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace soragrad::data {

class DoubleArray {
 public:
  struct Key {
    std::string_view text;  // not empty
    int32_t value;          // in [0, kMaxValue]
  };
  static constexpr int32_t kMaxValue = (1 << 22) - 2;

  DoubleArray() : DoubleArray(std::vector<Key>{}) {}
  // Builds the trie. Keys must be distinct; their text need not outlive the call.
  explicit DoubleArray(std::vector<Key> keys);

  // A position in the trie. `value` is the value of the key that ends here, or -1 if none does.
  struct Node {
    uint32_t base = 0;
    int32_t value = -1;
  };
  Node root() const { return {root_, -1}; }

  // Moves along one byte. Returns false, and leaves `node` unchanged, if no key continues with it.
  bool step(Node& node, uint8_t byte) const {
    const Unit unit = units_[node.base ^ byte];
    if ((unit.check & kLabelMask) != byte) return false;
    node.base = unit.base;
    node.value = static_cast<int32_t>(unit.check >> kLabelBits) - 1;
    return true;
  }

  // The value of a key, or -1.
  int32_t find(std::string_view text) const;

 private:
  static constexpr uint32_t kLabelBits = 9;
  static constexpr uint32_t kLabelMask = (1u << kLabelBits) - 1;
  static constexpr uint32_t kFree = 256;  // a label that no byte has

  // The unit of a node. A node without children has base 0; units [0, 256) stay free, so no step
  // from it succeeds.
  struct Unit {
    uint32_t base = 0;       // the child along byte b is unit base ^ b
    uint32_t check = kFree;  // low kLabelBits: the byte that leads here; above: value + 1
  };
  class Builder;

  std::vector<Unit> units_;
  uint32_t root_ = 0;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
