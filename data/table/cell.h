// One value of a foreign table, as text. Numbers keep their digits as written, so that "12.50" is
// neither rounded nor renamed on its way to a label.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace soragrad::data {

// Borrows its text from the table that it belongs to.
class Cell {
 public:
  enum class Kind : uint8_t { null, text, number, boolean, list, object };

  Cell() = default;  // null
  Cell(Kind kind, std::string_view text)
      : data_(text.data()), size_(static_cast<uint32_t>(text.size())), kind_(kind) {}
  explicit Cell(std::span<const Cell> items)
      : data_(items.data()), size_(static_cast<uint32_t>(items.size())), kind_(Kind::list) {}

  Kind kind() const { return kind_; }
  // Empty for null, lists and objects.
  std::string_view text() const {
    if (kind_ == Kind::list || kind_ == Kind::object) return {};
    return {static_cast<const char*>(data_), size_};
  }
  // Empty for what is no list.
  std::span<const Cell> items() const {
    if (kind_ != Kind::list) return {};
    return {static_cast<const Cell*>(data_), size_};
  }

 private:
  const void* data_ = nullptr;
  uint32_t size_ = 0;  // of files of at most 4 GiB
  Kind kind_ = Kind::null;
};

// Memory of texts and lists that a table makes while it is read: unescaped strings, decompressed
// pages. Nothing is freed or moved before the arena goes.
class Arena {
 public:
  char* allocate(size_t bytes);
  std::string_view copy(std::string_view text);
  std::span<const Cell> copy(std::span<const Cell> cells);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t left_ = 0;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
