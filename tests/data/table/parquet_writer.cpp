#include "tests/data/table/parquet_writer.h"

#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

namespace soragrad::test {
namespace {

constexpr int kBinary = 8, kList = 9, kStruct = 12, kInt32 = 5;

std::string compressed(const std::string& bytes, int codec) {
  std::string out;
  if (codec == 1) {
    snappy::Compress(bytes.data(), bytes.size(), &out);
    return out;
  }
  if (codec != 6) return bytes;
  out.resize(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

template <typename T>
void append_number(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A bit-packed run of numbers of `width` bits.
std::string packed(const std::vector<uint32_t>& values, int width) {
  std::string out;
  const size_t groups = (values.size() + 7) / 8;
  uint64_t header = groups << 1 | 1;
  for (; header >= 128; header >>= 7) out += static_cast<char>(header | 128);
  out += static_cast<char>(header);
  std::vector<bool> bits(groups * 8 * static_cast<size_t>(width));
  for (size_t i = 0; i < values.size(); ++i) {
    for (int bit = 0; bit < width; ++bit) {
      bits[i * static_cast<size_t>(width) + static_cast<size_t>(bit)] = values[i] >> bit & 1;
    }
  }
  for (size_t i = 0; i < bits.size(); i += 8) {
    int byte = 0;
    for (size_t bit = 0; bit < 8; ++bit) byte |= bits[i + bit] << bit;
    out += static_cast<char>(byte);
  }
  return out;
}

// The levels and present values of some rows of a column.
struct Values {
  std::vector<uint32_t> repetition, definition;
  std::vector<std::string> present;
};

Values values_of(const ParquetColumn& column, size_t begin, size_t end) {
  Values values;
  for (size_t row = begin; row < end; ++row) {
    if (column.kind != ParquetColumn::Kind::list) {
      values.definition.push_back(column.texts[row].has_value());
      if (column.texts[row]) values.present.push_back(*column.texts[row]);
      continue;
    }
    const auto& list = column.lists[row];
    if (!list || list->empty()) {
      values.repetition.push_back(0);
      values.definition.push_back(list ? 1 : 0);
      continue;
    }
    for (size_t i = 0; i < list->size(); ++i) {
      values.repetition.push_back(i > 0);
      values.definition.push_back(3);
      values.present.push_back((*list)[i]);
    }
  }
  return values;
}

std::string plain(const ParquetColumn& column, const std::vector<std::string>& present) {
  std::string out;
  for (const std::string& text : present) {
    switch (column.kind) {
      case ParquetColumn::Kind::int64:
        append_number<int64_t>(out, std::stoll(text));
        break;
      case ParquetColumn::Kind::real64:
        append_number<double>(out, std::stod(text));
        break;
      default:
        append_number<uint32_t>(out, static_cast<uint32_t>(text.size()));
        out += text;
    }
  }
  return out;
}

std::string page(int type, const std::string& levels, const std::string& body, size_t count,
                 int encoding, const ParquetOptions& options, size_t repetition_bytes) {
  const bool is_v2 = type == 3;
  const std::string data =
      is_v2 ? levels + compressed(body, options.codec) : compressed(levels + body, options.codec);
  ThriftWriter header;
  header.integer(1, type, kInt32);
  header.integer(2, static_cast<int64_t>(levels.size() + body.size()), kInt32);
  header.integer(3, static_cast<int64_t>(data.size()), kInt32);
  header.begin_struct(type == 2 ? 7 : is_v2 ? 8 : 5);
  header.integer(1, static_cast<int64_t>(count), kInt32);
  if (is_v2) {
    header.integer(2, 0, kInt32);
    header.integer(3, static_cast<int64_t>(count), kInt32);
    header.integer(4, encoding, kInt32);
    header.integer(5, static_cast<int64_t>(levels.size() - repetition_bytes), kInt32);
    header.integer(6, static_cast<int64_t>(repetition_bytes), kInt32);
    header.boolean(7, options.codec != 0);
  } else {
    header.integer(2, encoding, kInt32);
    if (type == 0) {
      header.integer(3, 3, kInt32);
      header.integer(4, 3, kInt32);
    }
  }
  header.end();
  header.end();
  return header.take() + data;
}

struct WrittenChunk {
  int64_t dictionary = 0, data = 0, bytes = 0, values = 0;
};

WrittenChunk write_chunk(std::string& file, const ParquetColumn& column, size_t begin, size_t end,
                         const ParquetOptions& options) {
  const bool is_list = column.kind == ParquetColumn::Kind::list;
  const Values values = values_of(column, begin, end);
  WrittenChunk chunk{.values = static_cast<int64_t>(values.definition.size())};
  const size_t start = file.size();
  std::string body;
  if (options.dictionary) {
    std::vector<std::string> entries = values.present;
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    chunk.dictionary = static_cast<int64_t>(start);
    file += page(2, "", plain(column, entries), entries.size(), 2, options, 0);
    std::vector<uint32_t> indices;
    for (const std::string& text : values.present) {
      const auto at = std::lower_bound(entries.begin(), entries.end(), text);
      indices.push_back(static_cast<uint32_t>(at - entries.begin()));
    }
    body = std::string(1, '\x0b') + packed(indices, 11);
  } else {
    body = plain(column, values.present);
  }
  const auto with_length = [&](const std::string& levels) {
    std::string out;
    if (!options.page_v2) append_number<uint32_t>(out, static_cast<uint32_t>(levels.size()));
    return out + levels;
  };
  const std::string repetition = is_list ? with_length(packed(values.repetition, 1)) : "";
  const std::string definition = with_length(packed(values.definition, is_list ? 2 : 1));
  chunk.data = static_cast<int64_t>(file.size());
  file += page(options.page_v2 ? 3 : 0, repetition + definition, body, values.definition.size(),
               options.dictionary ? 8 : 0, options, repetition.size());
  chunk.bytes = static_cast<int64_t>(file.size() - start);
  return chunk;
}

void write_schema(ThriftWriter& footer, const std::vector<ParquetColumn>& columns) {
  constexpr int kTypes[] = {6, 2, 5, 6};
  size_t nodes = 1;
  for (const ParquetColumn& column : columns) {
    nodes += column.kind == ParquetColumn::Kind::list ? 3 : 1;
  }
  const auto node = [&](std::string_view name, int type, int repetition, int children) {
    footer.item_begin();
    if (type >= 0) footer.integer(1, type, kInt32);
    if (repetition >= 0) footer.integer(3, repetition, kInt32);
    footer.text(4, name);
    if (children > 0) footer.integer(5, children, kInt32);
    footer.end();
  };
  footer.begin_list(2, kStruct, nodes);
  node("schema", -1, -1, static_cast<int>(columns.size()));
  for (const ParquetColumn& column : columns) {
    if (column.kind == ParquetColumn::Kind::list) {
      node(column.name, -1, 1, 1);
      node("list", -1, 2, 1);
      node("element", 6, 1, 0);
    } else {
      node(column.name, kTypes[static_cast<int>(column.kind)], 1, 0);
    }
  }
}

void write_chunk_metadata(ThriftWriter& footer, const ParquetColumn& column,
                          const WrittenChunk& chunk, const ParquetOptions& options) {
  constexpr int kTypes[] = {6, 2, 5, 6};
  const bool is_list = column.kind == ParquetColumn::Kind::list;
  footer.item_begin();
  footer.integer(2, chunk.data);
  footer.begin_struct(3);
  footer.integer(1, kTypes[static_cast<int>(column.kind)], kInt32);
  footer.begin_list(2, kInt32, 1);
  footer.item_integer(options.dictionary ? 8 : 0);
  footer.begin_list(3, kBinary, is_list ? 3 : 1);
  footer.item_text(column.name);
  if (is_list) {
    footer.item_text("list");
    footer.item_text("element");
  }
  footer.integer(4, column.named_codec < 0 ? options.codec : column.named_codec, kInt32);
  footer.integer(5, chunk.values);
  footer.integer(6, chunk.bytes);
  footer.integer(7, chunk.bytes);
  footer.integer(9, chunk.data);
  if (chunk.dictionary > 0) footer.integer(11, chunk.dictionary);
  footer.end();
  footer.end();
}

}  // namespace

void ThriftWriter::varint(uint64_t value) {
  for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
  bytes_ += static_cast<char>(value);
}

void ThriftWriter::field(int id, int type) {
  bytes_ += static_cast<char>((id - ids_.back()) << 4 | type);
  ids_.back() = id;
}

void ThriftWriter::integer(int id, int64_t value, int type) {
  field(id, type);
  item_integer(value);
}

void ThriftWriter::item_integer(int64_t value) {
  varint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

void ThriftWriter::text(int id, std::string_view value) {
  field(id, kBinary);
  item_text(value);
}

void ThriftWriter::item_text(std::string_view value) {
  varint(value.size());
  bytes_ += value;
}

void ThriftWriter::boolean(int id, bool value) {
  field(id, value ? 1 : 2);
}

void ThriftWriter::begin_struct(int id) {
  field(id, kStruct);
  ids_.push_back(0);
}

void ThriftWriter::begin_list(int id, int type, size_t size) {
  field(id, kList);
  bytes_ += static_cast<char>(size < 15 ? size << 4 | static_cast<size_t>(type)
                                        : 15 << 4 | static_cast<size_t>(type));
  if (size >= 15) varint(size);
}

void ThriftWriter::end() {
  bytes_ += '\0';
  if (!ids_.empty()) ids_.pop_back();
}

std::string parquet_bytes(const std::vector<ParquetColumn>& columns,
                          const ParquetOptions& options) {
  const size_t rows = std::max(columns[0].texts.size(), columns[0].lists.size());
  const size_t step = options.rows_of_a_group > 0 ? options.rows_of_a_group : rows;
  std::string file = "PAR1";
  std::vector<std::vector<WrittenChunk>> groups;
  for (size_t begin = 0; begin < rows; begin += step) {
    groups.emplace_back();
    for (const ParquetColumn& column : columns) {
      groups.back().push_back(
          write_chunk(file, column, begin, std::min(rows, begin + step), options));
    }
  }
  ThriftWriter footer;
  footer.integer(1, 2, kInt32);
  write_schema(footer, columns);
  footer.integer(3, static_cast<int64_t>(rows));
  footer.begin_list(4, kStruct, groups.size());
  for (size_t group = 0; group < groups.size(); ++group) {
    footer.item_begin();
    footer.begin_list(1, kStruct, columns.size());
    for (size_t i = 0; i < columns.size(); ++i) {
      write_chunk_metadata(footer, columns[i], groups[group][i], options);
    }
    footer.integer(2, 0);
    footer.integer(3, static_cast<int64_t>(std::min(step, rows - group * step)));
    footer.end();
  }
  if (!options.huggingface.empty()) {
    footer.begin_list(5, kStruct, 1);
    footer.item_begin();
    footer.text(1, "huggingface");
    footer.text(2, options.huggingface);
    footer.end();
  }
  footer.end();
  const std::string bytes = footer.take();
  file += bytes;
  append_number<uint32_t>(file, static_cast<uint32_t>(bytes.size()));
  return file + "PAR1";
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
