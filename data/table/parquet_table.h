// .parquet as pyarrow, Hugging Face's datasets and parquet-mr write it: columns of the top level
// and lists of plain values; PLAIN, PLAIN_DICTIONARY and RLE_DICTIONARY; data pages 1 and 2; no
// compression, Snappy and Zstandard. Other nested columns are there by name and cannot be read.
#pragma once

#include "data/table/parquet_metadata.h"
#include "data/table/table.h"

namespace soragrad::data {

class ParquetTable : public Table {
 public:
  // Reads and checks the footer.
  ParquetTable(const std::string& path, std::string bytes);
  std::vector<Column> read_columns(std::span<const size_t> wanted) override;
  bool keeps_columns_apart() const override { return true; }
  bool is_readable(size_t column) const override {
    return metadata_.columns[column].is_flat || metadata_.columns[column].is_list;
  }

 private:
  Column read_column(const parquet::SchemaColumn& column);

  parquet::Metadata metadata_;
  std::vector<std::unique_ptr<char[]>> pages_;  // decompressed; texts borrow from them
  int64_t budget_ = 0;                          // bytes that may still be decoded
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
