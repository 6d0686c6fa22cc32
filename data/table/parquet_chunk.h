// The pages of one column chunk, decoded to cells.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "data/table/cell.h"
#include "data/table/parquet_metadata.h"

namespace soragrad::data::parquet {

// What the chunks of a file share: where texts are kept and how much may still be decoded.
struct ChunkContext {
  std::string_view path;  // begins messages
  Arena* arena;
  std::vector<std::unique_ptr<char[]>>* pages;  // decompressed pages that texts borrow from
  int64_t* budget;        // bytes that may still be decoded; small files can claim any size
  int64_t* invalid_utf8;  // is raised by each maximal invalid part
};

// Appends one cell a row: values of a flat column, lists of a list column.
class ChunkReader {
 public:
  ChunkReader(const Leaf& leaf, const Chunk& chunk, std::string_view file, ChunkContext context);
  void read(int64_t rows, std::vector<Cell>& out);

 private:
  struct Levels {
    std::vector<uint32_t> definition, repetition;  // (values of the page); empty: all 0
  };

  void read_page(std::vector<Cell>& out);
  void read_dictionary(const PageHeader& header, std::string_view body);
  void read_data(const PageHeader& header, std::string_view body, std::vector<Cell>& out);
  std::string_view unpacked(const PageHeader& header, std::string_view body, int64_t bytes);
  std::vector<uint32_t> levels(std::string_view& bytes, int64_t size, int largest, int64_t count);
  std::vector<Cell> values(const PageHeader& header, std::string_view bytes, int64_t count);
  std::vector<Cell> indexed(std::string_view bytes, int64_t count);
  void repair(std::vector<Cell>& cells, std::vector<int32_t>* invalid);
  void add_flat(const std::vector<uint32_t>& definition, std::vector<Cell> cells,
                std::vector<Cell>& out);
  void add_lists(const Levels& levels, const std::vector<Cell>& cells, std::vector<Cell>& out);
  void end_list(std::vector<Cell>& out);
  void spend(int64_t bytes);

  const Leaf& leaf_;
  const Chunk& chunk_;
  std::string_view pages_;  // not yet read
  ChunkContext context_;
  int64_t values_left_ = 0;
  bool has_dictionary_ = false;
  std::vector<Cell> dictionary_;
  std::vector<int32_t> dictionary_invalid_;  // invalid parts of each entry
  std::vector<Cell> items_;                  // of the list that is being read
  bool in_list_ = false, list_is_null_ = false;
};

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
