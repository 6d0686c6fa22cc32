// Thrift's compact protocol, as Parquet writes its footer and page headers. Source: Thrift,
// doc/specs/thrift-compact-protocol.md. Every length is checked against the bytes that are there.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.h"

namespace soragrad::data {

class ThriftReader {
 public:
  enum Type : uint8_t { yes = 1, no, i8, i16, i32, i64, real64, binary, list, set, map, record };
  struct Field {
    int16_t id;
    uint8_t type;
  };

  // `path` begins messages.
  ThriftReader(std::string_view bytes, std::string_view path) : bytes_(bytes), path_(path) {}

  // Reads a struct. read(field) takes the field's value and returns true, or returns false to have
  // it skipped.
  template <typename Read>
  void read_struct(Read&& read) {
    enter();
    for (Field field{0, 0}; next_field(field);) {
      if (!read(field)) skip(field.type);
    }
    --depth_;
  }
  // Reads a list: read(type) takes one item.
  template <typename Read>
  void read_list(const Field& field, Read&& read) {
    expect(field, list);
    const auto [type, size] = list_header();
    for (int64_t i = 0; i < size; ++i) read(type);
  }
  // The item of a list of that type as a field, for the functions below.
  static Field item(uint8_t type) { return {0, type}; }

  int64_t integer(const Field& field);  // i16, i32 or i64
  bool boolean(const Field& field);
  std::string_view text(const Field& field);
  void expect(const Field& field, Type type) const;

  size_t position() const { return position_; }

 private:
  struct ListHeader {
    uint8_t type;
    int64_t size;
  };

  void enter();
  bool next_field(Field& field);
  ListHeader list_header();
  void skip(uint8_t type);
  void skip_map();
  uint8_t byte();
  uint64_t varint();
  int64_t zigzag();
  std::string_view take(uint64_t size);
  template <typename... Args>
  [[noreturn]] void damaged(fmt::format_string<Args...> what, Args&&... args) const {
    fail("[{}] not a sound Parquet file: {} at byte {} of its metadata.", path_,
         fmt::format(what, std::forward<Args>(args)...), position_);
  }

  std::string_view bytes_, path_;
  size_t position_ = 0;
  int depth_ = 0;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
