#include "data/table/parquet_metadata.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/table/parquet_schema.h"
#include "data/table/thrift.h"

namespace soragrad::data::parquet {
namespace {

using Field = ThriftReader::Field;

constexpr std::string_view kMagic = "PAR1", kEncryptedMagic = "PARE";
constexpr size_t kTailBytes = 8;  // the footer's length, then the magic
constexpr uint32_t kMaxFooterBytes = uint32_t{1} << 26;
constexpr size_t kMaxSchemaNodes = size_t{1} << 16;
constexpr size_t kMaxChunks = size_t{1} << 20;
// Rows beyond this are believed only of large files: run lengths let a few bytes claim any number.
constexpr int64_t kRowsOfAnyFile = int64_t{1} << 20, kRowsOfAByte = 8;

SchemaNode read_node(ThriftReader& reader) {
  SchemaNode node;
  reader.read_struct([&](const Field& field) {
    switch (field.id) {
      case 1:
        node.type = reader.integer(field);
        return true;
      case 3:
        node.repetition = reader.integer(field);
        return true;
      case 4:
        node.name = reader.text(field);
        return true;
      case 5:
        node.children = reader.integer(field);
        return true;
      case 6:
        node.converted = reader.integer(field);
        return true;
      case 10:
        reader.expect(field, ThriftReader::record);
        reader.read_struct([&](const Field& logical) {
          node.is_decimal = node.is_decimal || logical.id == 5;
          return false;
        });
        return true;
      default:
        return false;
    }
  });
  constexpr int64_t kDecimal = 5;  // ConvertedType
  node.is_decimal = node.is_decimal || node.converted == kDecimal;
  return node;
}

void read_column_metadata(ThriftReader& reader, Chunk& chunk) {
  chunk.has_metadata = true;
  reader.read_struct([&](const Field& field) {
    switch (field.id) {
      case 1:
        chunk.type = reader.integer(field);
        return true;
      case 3:
        chunk.path.clear();
        reader.read_list(field, [&](uint8_t type) {
          if (!chunk.path.empty()) chunk.path += '.';
          chunk.path += reader.text(ThriftReader::item(type));
        });
        return true;
      case 4:
        chunk.codec = reader.integer(field);
        return true;
      case 5:
        chunk.values = reader.integer(field);
        return true;
      case 7:
        chunk.compressed_bytes = reader.integer(field);
        return true;
      case 9:
        chunk.data_page = reader.integer(field);
        return true;
      case 11:
        chunk.dictionary_page = reader.integer(field);
        return true;
      default:
        return false;
    }
  });
}

Chunk read_chunk(ThriftReader& reader) {
  Chunk chunk;
  reader.read_struct([&](const Field& field) {
    switch (field.id) {
      case 1:
        chunk.is_elsewhere = !reader.text(field).empty();
        return true;
      case 3:
        reader.expect(field, ThriftReader::record);
        read_column_metadata(reader, chunk);
        return true;
      case 8:
      case 9:
        chunk.is_encrypted = true;
        return false;
      default:
        return false;
    }
  });
  return chunk;
}

struct Footer {
  int64_t rows = -1;
  std::vector<SchemaNode> nodes;
  std::vector<RowGroup> groups;
  std::string_view huggingface;
  bool is_encrypted = false;
};

void read_key_value(ThriftReader& reader, Footer& footer) {
  std::string_view key, value;
  reader.read_struct([&](const Field& field) {
    if (field.id != 1 && field.id != 2) return false;
    (field.id == 1 ? key : value) = reader.text(field);
    return true;
  });
  if (key == "huggingface") footer.huggingface = value;
}

Footer read_footer(std::string_view bytes, std::string_view path) {
  ThriftReader reader(bytes, path);
  Footer footer;
  size_t chunks = 0;
  const auto read_group = [&] {
    RowGroup group;
    reader.read_struct([&](const Field& field) {
      if (field.id == 3) {
        group.rows = reader.integer(field);
        return true;
      }
      if (field.id != 1) return false;
      reader.read_list(field, [&](uint8_t type) {
        reader.expect(ThriftReader::item(type), ThriftReader::record);
        require(++chunks <= kMaxChunks, "[{}] more than {} column chunks.", path, kMaxChunks);
        group.chunks.push_back(read_chunk(reader));
      });
      return true;
    });
    return group;
  };
  reader.read_struct([&](const Field& field) {
    switch (field.id) {
      case 2:
        reader.read_list(field, [&](uint8_t type) {
          reader.expect(ThriftReader::item(type), ThriftReader::record);
          require(footer.nodes.size() < kMaxSchemaNodes, "[{}] a schema of more than {} nodes.",
                  path, kMaxSchemaNodes);
          footer.nodes.push_back(read_node(reader));
        });
        return true;
      case 3:
        footer.rows = reader.integer(field);
        return true;
      case 4:
        reader.read_list(field, [&](uint8_t type) {
          reader.expect(ThriftReader::item(type), ThriftReader::record);
          require(++chunks <= kMaxChunks, "[{}] more than {} row groups and column chunks.", path,
                  kMaxChunks);
          footer.groups.push_back(read_group());
        });
        return true;
      case 5:
        reader.read_list(field, [&](uint8_t type) {
          reader.expect(ThriftReader::item(type), ThriftReader::record);
          read_key_value(reader, footer);
        });
        return true;
      case 8:
        footer.is_encrypted = true;
        return false;
      default:
        return false;
    }
  });
  return footer;
}

// The footer's bytes, from the tail of the file.
std::string_view footer_bytes(std::string_view file, std::string_view path) {
  require(!file.ends_with(kEncryptedMagic),
          "[{}] an encrypted Parquet file; write it without "
          "encryption.",
          path);
  require(file.size() >= kMagic.size() + kTailBytes && file.starts_with(kMagic) &&
              file.ends_with(kMagic),
          "[{}] not a whole Parquet file: {} bytes, which begin and end with PAR1 in a sound one; "
          "was it cut, or has it another format? Set format=... if so.",
          path, file.size());
  uint32_t length = 0;
  std::memcpy(&length, file.data() + file.size() - kTailBytes, sizeof length);
  const size_t room = file.size() - kTailBytes - kMagic.size();
  require(length <= room && length <= kMaxFooterBytes,
          "[{}] not a sound Parquet file: a footer of {} bytes where {} are possible.", path,
          length, std::min<size_t>(room, kMaxFooterBytes));
  return file.substr(file.size() - kTailBytes - length, length);
}

void check_chunk(const Chunk& chunk, const Leaf& leaf, int64_t rows, int64_t pages_end,
                 std::string_view path) {
  if (chunk.is_encrypted || chunk.is_elsewhere) {
    fail("[{}] the column {} is {}.", path, quote(leaf.path),
         chunk.is_encrypted ? "encrypted; write it without encryption" : "in another file");
  }
  if (!chunk.has_metadata || chunk.path != leaf.path) {
    fail("[{}] not a sound Parquet file: a column chunk of {} where the schema has {}.", path,
         quote(chunk.path), quote(leaf.path));
  }
  if (chunk.type != leaf.type) {
    fail("[{}] not a sound Parquet file: column {} has type {} in a row group, {} in the schema.",
         path, quote(leaf.path), chunk.type, leaf.type);
  }
  if (chunk.values < 0 || (leaf.max_repetition == 0 && chunk.values != rows)) {
    fail("[{}] not a sound Parquet file: {} values of column {} in a group of {} rows.", path,
         chunk.values, quote(leaf.path), rows);
  }
  const int64_t begin = chunk.begin();
  if (begin < static_cast<int64_t>(kMagic.size()) || chunk.compressed_bytes < 0 ||
      begin > pages_end || chunk.compressed_bytes > pages_end - begin) {
    fail("[{}] not a sound Parquet file: column {} has {} bytes from {} on; its pages end at {}.",
         path, quote(leaf.path), chunk.compressed_bytes, begin, pages_end);
  }
}

// Fields of the three kinds of page; false for one that is of no use here.
bool set_data_page(ThriftReader& reader, const Field& field, PageHeader& header) {
  int64_t* const places[] = {&header.values, &header.encoding, &header.definition_encoding,
                             &header.repetition_encoding};
  if (field.id < 1 || field.id > 4) return false;
  *places[field.id - 1] = reader.integer(field);
  return true;
}

bool set_dictionary_page(ThriftReader& reader, const Field& field, PageHeader& header) {
  if (field.id != 1 && field.id != 2) return false;
  (field.id == 1 ? header.values : header.encoding) = reader.integer(field);
  return true;
}

bool set_data_page_2(ThriftReader& reader, const Field& field, PageHeader& header) {
  switch (field.id) {
    case 1:
      header.values = reader.integer(field);
      return true;
    case 4:
      header.encoding = reader.integer(field);
      return true;
    case 5:
      header.definition_bytes = reader.integer(field);
      return true;
    case 6:
      header.repetition_bytes = reader.integer(field);
      return true;
    case 7:
      header.is_compressed = reader.boolean(field);
      return true;
    default:
      return false;
  }
}

}  // namespace

Metadata read_metadata(std::string_view file, std::string_view path) {
  const std::string_view bytes = footer_bytes(file, path);
  Footer footer = read_footer(bytes, path);
  require(!footer.is_encrypted, "[{}] an encrypted Parquet file; write it without encryption.",
          path);
  Metadata metadata = read_schema(footer.nodes, path);
  metadata.huggingface = footer.huggingface;
  metadata.rows = footer.rows;
  const auto size = static_cast<int64_t>(file.size());
  require(footer.rows >= 0 && footer.rows <= std::max(kRowsOfAnyFile, size * kRowsOfAByte),
          "[{}] not a sound Parquet file: {} rows in {} bytes.", path, footer.rows, size);
  const auto pages_end = size - static_cast<int64_t>(kTailBytes + bytes.size());
  int64_t rows = 0;
  for (const RowGroup& group : footer.groups) {
    require(group.rows >= 0 && group.rows <= footer.rows - rows,
            "[{}] not a sound Parquet file: a group of {} rows in a file of {}.", path, group.rows,
            footer.rows);
    rows += group.rows;
    require(group.chunks.size() == metadata.leaves.size(),
            "[{}] not a sound Parquet file: a row group of {} columns, {} in the schema.", path,
            group.chunks.size(), metadata.leaves.size());
    for (size_t i = 0; i < group.chunks.size(); ++i) {
      check_chunk(group.chunks[i], metadata.leaves[i], group.rows, pages_end, path);
    }
  }
  require(rows == footer.rows, "[{}] not a sound Parquet file: its groups have {} rows, it has {}.",
          path, rows, footer.rows);
  metadata.groups = std::move(footer.groups);
  return metadata;
}

PageHeader read_page_header(std::string_view bytes, std::string_view path) {
  ThriftReader reader(bytes, path);
  PageHeader header;
  const auto read_numbers = [&](const Field& outer,
                                bool (*set)(ThriftReader&, const Field&, PageHeader&)) {
    reader.expect(outer, ThriftReader::record);
    reader.read_struct([&](const Field& field) { return set(reader, field, header); });
    return true;
  };
  reader.read_struct([&](const Field& field) {
    switch (field.id) {
      case 1:
        header.type = reader.integer(field);
        return true;
      case 2:
        header.bytes = reader.integer(field);
        return true;
      case 3:
        header.compressed_bytes = reader.integer(field);
        return true;
      case 5:
        return read_numbers(field, set_data_page);
      case 7:
        return read_numbers(field, set_dictionary_page);
      case 8:
        return read_numbers(field, set_data_page_2);
      default:
        return false;
    }
  });
  header.header_bytes = reader.position();
  return header;
}

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
