// The footer of a Parquet file and the headers of its pages, checked against the file and against
// each other. Source: apache/parquet-format, parquet.thrift and README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::data::parquet {

// Numbers of parquet.thrift.
enum class Type { boolean, int32, int64, int96, real32, real64, bytes, fixed_bytes };
enum class Encoding { plain = 0, plain_dictionary = 2, rle = 3, rle_dictionary = 8 };
enum class Codec { uncompressed = 0, snappy = 1, zstd = 6 };
enum class PageType { data = 0, index = 1, dictionary = 2, data_v2 = 3 };

// A column that holds values: a leaf of the schema.
struct Leaf {
  std::string path;  // parts of its name joined by "."
  int64_t type = -1;
  int64_t converted = -1;   // ConvertedType, -1 if there is none
  bool is_decimal = false;  // a number whose digits need a scale
  int max_definition = 0;   // optional and repeated nodes on its path
  int max_repetition = 0;   // repeated nodes on its path
  int list_definition = 0;  // definition level of an empty list; 0 outside lists
  size_t column = 0;        // of the top level
};

// A column of the top level.
struct SchemaColumn {
  std::string name;
  size_t first_leaf = 0, leaves = 0;
  bool is_flat = false;  // one leaf, one value a row
  bool is_list = false;  // one leaf below one repeated node
};

// The values of one leaf in one row group.
struct Chunk {
  int64_t type = -1, codec = -1, values = -1;
  int64_t compressed_bytes = -1;
  int64_t data_page = -1, dictionary_page = -1;  // positions in the file
  std::string path;
  bool is_elsewhere = false;  // in another file
  bool is_encrypted = false;
  bool has_metadata = false;

  // Position of the first page.
  int64_t begin() const {
    return dictionary_page > 0 && dictionary_page < data_page ? dictionary_page : data_page;
  }
};

struct RowGroup {
  int64_t rows = -1;
  std::vector<Chunk> chunks;  // (leaves)
};

struct Metadata {
  int64_t rows = 0;
  std::vector<SchemaColumn> columns;
  std::vector<Leaf> leaves;
  std::vector<RowGroup> groups;
  std::string_view huggingface;  // value of the key "huggingface"; empty if there is none
};

struct PageHeader {
  int64_t type = -1;
  int64_t bytes = -1, compressed_bytes = -1;  // without the header
  int64_t values = -1, encoding = -1;
  int64_t definition_encoding = 3, repetition_encoding = 3;  // of data pages 1
  int64_t definition_bytes = 0, repetition_bytes = 0;        // of data pages 2
  bool is_compressed = true;
  size_t header_bytes = 0;
};

// The metadata of a whole file. Throws "[path] ..." for what is no Parquet file, is encrypted or
// contradicts itself. `path` must be printable.
Metadata read_metadata(std::string_view file, std::string_view path);

// The header at the start of these bytes.
PageHeader read_page_header(std::string_view bytes, std::string_view path);

// Class names in the order of their numbers for every ClassLabel of the JSON under the key
// "huggingface" (info.features.COLUMN.names, or those of a sequence of labels); none if the JSON
// has another form.
struct ClassNames {
  std::string column;
  std::vector<std::string> names;
};
std::vector<ClassNames> read_class_names(std::string_view text);

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
