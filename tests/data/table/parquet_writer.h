// A small Parquet writer for tests: flat optional columns and lists of texts, plain pages or one
// dictionary a chunk, data pages 1 and 2, no compression, Snappy or Zstandard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::test {

// Thrift's compact protocol, the writing half.
class ThriftWriter {
 public:
  void integer(int id, int64_t value, int type = 6);
  void text(int id, std::string_view value);
  void boolean(int id, bool value);
  void begin_struct(int id);
  void begin_list(int id, int type, size_t size);
  void end();                               // of a struct
  void item_begin() { ids_.push_back(0); }  // a struct within a list; end() ends it
  void item_text(std::string_view value);
  void item_integer(int64_t value);
  std::string take() { return std::move(bytes_); }

 private:
  void field(int id, int type);
  void varint(uint64_t value);

  std::string bytes_;
  std::vector<int> ids_{0};
};

struct ParquetColumn {
  enum class Kind { text, int64, real64, list };
  std::string name;
  Kind kind = Kind::text;
  std::vector<std::optional<std::string>> texts;  // of every kind; numbers as their digits
  std::vector<std::optional<std::vector<std::string>>> lists;
  int named_codec = -1;  // what the footer says instead of the codec that was used
};

struct ParquetOptions {
  bool dictionary = false, page_v2 = false;
  int codec = 0;               // 0, 1 Snappy, 6 Zstandard
  size_t rows_of_a_group = 0;  // 0: one group
  std::string huggingface;     // value of that key; empty: none
};

// The bytes of a file.
std::string parquet_bytes(const std::vector<ParquetColumn>& columns,
                          const ParquetOptions& options = {});

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
