#include "data/table/parquet_chunk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/table/parquet_page.h"
#include "data/table/table.h"

namespace soragrad::data::parquet {
namespace {

constexpr int64_t kMaxPageBytes = int64_t{1} << 29;  // writers make pages of about 1 MiB

}  // namespace

ChunkReader::ChunkReader(const Leaf& leaf, const Chunk& chunk, std::string_view file,
                         ChunkContext context)
    : leaf_(leaf),
      chunk_(chunk),
      pages_(file.substr(static_cast<size_t>(chunk.begin()),
                         static_cast<size_t>(chunk.compressed_bytes))),
      context_(context),
      values_left_(chunk.values) {
  require(!leaf.is_decimal,
          "[{}] column {} holds decimals, which are not read; write them as text "
          "or as floating-point numbers.",
          context.path, quote(leaf.path));
  require_codec(chunk.codec, context.path);
}

void ChunkReader::spend(int64_t bytes) {
  *context_.budget -= bytes;
  require(*context_.budget >= 0,
          "[{}] its columns take more memory than a file of this size may; write it anew without "
          "compression if that is right.",
          context_.path);
}

void ChunkReader::read(int64_t rows, std::vector<Cell>& out) {
  const size_t before = out.size();
  while (values_left_ > 0) read_page(out);
  if (in_list_) end_list(out);
  const auto made = static_cast<int64_t>(out.size() - before);
  require(made == rows, "[{}] not a sound Parquet file: column {} has {} rows in a group of {}.",
          context_.path, quote(leaf_.path), made, rows);
}

void ChunkReader::read_page(std::vector<Cell>& out) {
  const PageHeader header = read_page_header(pages_, context_.path);
  pages_.remove_prefix(header.header_bytes);
  if (header.bytes < 0 || header.bytes > kMaxPageBytes || header.compressed_bytes < 0 ||
      header.compressed_bytes > static_cast<int64_t>(pages_.size())) {
    fail("[{}] not a sound Parquet file: a page of {} bytes, {} compressed, where {} are left.",
         context_.path, header.bytes, header.compressed_bytes, pages_.size());
  }
  const std::string_view body = pages_.substr(0, static_cast<size_t>(header.compressed_bytes));
  pages_.remove_prefix(body.size());
  switch (header.type) {
    case static_cast<int64_t>(PageType::dictionary):
      return read_dictionary(header, body);
    case static_cast<int64_t>(PageType::data):
    case static_cast<int64_t>(PageType::data_v2):
      return read_data(header, body, out);
    case static_cast<int64_t>(PageType::index):
      return;
    default:
      fail("[{}] not a sound Parquet file: a page of type {}.", context_.path, header.type);
  }
}

// `bytes`: the size when unpacked.
std::string_view ChunkReader::unpacked(const PageHeader& header, std::string_view body,
                                       int64_t bytes) {
  const auto uncompressed = static_cast<int64_t>(Codec::uncompressed);
  const int64_t codec = header.is_compressed ? chunk_.codec : uncompressed;
  if (codec == uncompressed) {
    require(bytes == static_cast<int64_t>(body.size()),
            "[{}] not a sound Parquet file: a page of {} bytes announces {}.", context_.path,
            body.size(), bytes);
    return body;
  }
  spend(bytes);
  context_.pages->push_back(decompress(codec, body, bytes, context_.path));
  return {context_.pages->back().get(), static_cast<size_t>(bytes)};
}

// Texts become valid UTF-8. `invalid` takes the number of invalid parts of each, or null: they are
// counted at once.
void ChunkReader::repair(std::vector<Cell>& cells, std::vector<int32_t>* invalid) {
  if (invalid) invalid->assign(cells.size(), 0);
  std::string storage;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].kind() != Cell::Kind::text) continue;
    const std::string_view raw = cells[i].text();
    const std::string_view good = repair_utf8(raw, storage);
    if (good.data() == raw.data()) continue;
    const int64_t parts = invalid_parts(raw);
    if (invalid) {
      (*invalid)[i] = static_cast<int32_t>(parts);
    } else {
      *context_.invalid_utf8 += parts;
    }
    cells[i] = {Cell::Kind::text, context_.arena->copy(good)};
  }
}

void ChunkReader::read_dictionary(const PageHeader& header, std::string_view body) {
  require(!has_dictionary_, "[{}] not a sound Parquet file: two dictionaries of column {}.",
          context_.path, quote(leaf_.path));
  const bool is_plain = header.encoding == static_cast<int64_t>(Encoding::plain) ||
                        header.encoding == static_cast<int64_t>(Encoding::plain_dictionary);
  require(is_plain && header.values >= 0,
          "[{}] not a sound Parquet file: a dictionary of {} values in encoding {}.", context_.path,
          header.values, header.encoding);
  const std::string_view bytes = unpacked(header, body, header.bytes);
  // A value takes a bit at least.
  require(header.values <= static_cast<int64_t>(bytes.size()) * 8,
          "[{}] not a sound Parquet file: a dictionary of {} values in {} bytes.", context_.path,
          header.values, bytes.size());
  read_plain(leaf_, bytes, header.values, *context_.arena, dictionary_, context_.path);
  repair(dictionary_, &dictionary_invalid_);
  has_dictionary_ = true;
}

std::vector<uint32_t> ChunkReader::levels(std::string_view& bytes, int64_t size, int largest,
                                          int64_t count) {
  if (size < 0 || size > static_cast<int64_t>(bytes.size())) {
    fail("[{}] not a sound Parquet file: levels of {} bytes in a page that has {} left.",
         context_.path, size, bytes.size());
  }
  std::vector<uint32_t> result(static_cast<size_t>(count));
  HybridReader(bytes.substr(0, static_cast<size_t>(size)), bits_for(largest), context_.path)
      .read(result);
  bytes.remove_prefix(static_cast<size_t>(size));
  for (const uint32_t level : result) {
    require(level <= static_cast<uint32_t>(largest),
            "[{}] not a sound Parquet file: a level {} where the schema allows {}.", context_.path,
            level, largest);
  }
  return result;
}

void ChunkReader::read_data(const PageHeader& header, std::string_view body,
                            std::vector<Cell>& out) {
  require(header.values >= 0 && header.values <= values_left_,
          "[{}] not a sound Parquet file: a page of {} values where {} are left of column {}.",
          context_.path, header.values, values_left_, quote(leaf_.path));
  spend(header.values * static_cast<int64_t>(sizeof(Cell)));
  const int max_definition = leaf_.max_definition, max_repetition = leaf_.max_repetition;
  Levels found;
  std::string_view bytes;
  if (header.type == static_cast<int64_t>(PageType::data_v2)) {
    const int64_t repetition = header.repetition_bytes, definition = header.definition_bytes;
    const auto size = static_cast<int64_t>(body.size());
    require(repetition >= 0 && repetition <= size && definition >= 0 &&
                definition <= size - repetition && header.bytes >= repetition + definition,
            "[{}] not a sound Parquet file: levels of {} and {} bytes in a page of {}.",
            context_.path, repetition, definition, size);
    std::string_view first = body.substr(0, static_cast<size_t>(repetition));
    std::string_view second = body.substr(first.size(), static_cast<size_t>(definition));
    if (max_repetition > 0) {
      found.repetition = levels(first, repetition, max_repetition, header.values);
    }
    if (max_definition > 0) {
      found.definition = levels(second, definition, max_definition, header.values);
    }
    bytes = unpacked(header, body.substr(static_cast<size_t>(repetition + definition)),
                     header.bytes - repetition - definition);
  } else {
    bytes = unpacked(header, body, header.bytes);
    const auto read = [&](int largest, int64_t encoding) {
      require(encoding == static_cast<int64_t>(Encoding::rle) && bytes.size() >= 4,
              "[{}] levels of column {} in encoding {}; run lengths (3) are read.", context_.path,
              quote(leaf_.path), encoding);
      uint32_t size;
      std::memcpy(&size, bytes.data(), sizeof size);
      bytes.remove_prefix(sizeof size);
      return levels(bytes, size, largest, header.values);
    };
    if (max_repetition > 0) found.repetition = read(max_repetition, header.repetition_encoding);
    if (max_definition > 0) found.definition = read(max_definition, header.definition_encoding);
  }
  const int64_t present = max_definition == 0 ? header.values
                                              : std::count(found.definition.begin(),
                                                           found.definition.end(), max_definition);
  std::vector<Cell> cells = values(header, bytes, present);
  if (max_repetition == 0) {
    add_flat(found.definition, std::move(cells), out);
  } else {
    add_lists(found, cells, out);
  }
  values_left_ -= header.values;
}

std::vector<Cell> ChunkReader::values(const PageHeader& header, std::string_view bytes,
                                      int64_t count) {
  std::vector<Cell> cells;
  switch (header.encoding) {
    case static_cast<int64_t>(Encoding::plain):
      read_plain(leaf_, bytes, count, *context_.arena, cells, context_.path);
      repair(cells, nullptr);
      return cells;
    case static_cast<int64_t>(Encoding::plain_dictionary):
    case static_cast<int64_t>(Encoding::rle_dictionary):
      return indexed(bytes, count);
    case static_cast<int64_t>(Encoding::rle):
      if (leaf_.type == static_cast<int64_t>(Type::boolean) && bytes.size() >= 4) {
        std::vector<uint32_t> truths(static_cast<size_t>(count));
        HybridReader(bytes.substr(4), 1, context_.path).read(truths);
        for (const uint32_t truth : truths) {
          cells.emplace_back(Cell::Kind::boolean, truth != 0 ? "true" : "false");
        }
        return cells;
      }
      [[fallthrough]];
    default:
      fail(
          "[{}] column {} has encoding {}; plain and dictionary encodings are read. Convert it: "
          "duckdb -c \"COPY 'in.parquet' TO 'out.csv' (HEADER)\".",
          context_.path, quote(leaf_.path), header.encoding);
  }
}

// Indices into the dictionary, behind a byte with their width.
std::vector<Cell> ChunkReader::indexed(std::string_view bytes, int64_t count) {
  std::vector<Cell> cells;
  if (count == 0) return cells;
  require(has_dictionary_ && !bytes.empty(),
          "[{}] not a sound Parquet file: indices of column {} without a dictionary.",
          context_.path, quote(leaf_.path));
  const int width = static_cast<uint8_t>(bytes[0]);
  require(width <= 32, "[{}] not a sound Parquet file: indices of {} bits.", context_.path, width);
  std::vector<uint32_t> indices(static_cast<size_t>(count));
  HybridReader(bytes.substr(1), width, context_.path).read(indices);
  cells.reserve(indices.size());
  int64_t text_bytes = 0;
  for (const uint32_t index : indices) {
    require(index < dictionary_.size(),
            "[{}] not a sound Parquet file: index {} of column {} in a dictionary of {}.",
            context_.path, index, quote(leaf_.path), dictionary_.size());
    cells.push_back(dictionary_[index]);
    *context_.invalid_utf8 += dictionary_invalid_[index];
    text_bytes += static_cast<int64_t>(cells.back().text().size());
  }
  spend(text_bytes);
  return cells;
}

void ChunkReader::add_flat(const std::vector<uint32_t>& definition, std::vector<Cell> cells,
                           std::vector<Cell>& out) {
  if (leaf_.max_definition == 0) {
    out.insert(out.end(), cells.begin(), cells.end());
    return;
  }
  auto next = cells.begin();
  for (const uint32_t level : definition) {
    const bool is_present = level == static_cast<uint32_t>(leaf_.max_definition);
    out.push_back(is_present ? *next++ : Cell());
  }
}

void ChunkReader::add_lists(const Levels& levels, const std::vector<Cell>& cells,
                            std::vector<Cell>& out) {
  auto next = cells.begin();
  const auto empty_level = static_cast<uint32_t>(leaf_.list_definition);
  for (size_t i = 0; i < levels.definition.size(); ++i) {
    if (levels.repetition[i] == 0) {
      if (in_list_) end_list(out);
      in_list_ = true;
      list_is_null_ = levels.definition[i] < empty_level;
    }
    require(in_list_, "[{}] not a sound Parquet file: column {} begins within a list.",
            context_.path, quote(leaf_.path));
    if (levels.definition[i] == static_cast<uint32_t>(leaf_.max_definition)) {
      items_.push_back(*next++);
    } else if (levels.definition[i] > empty_level) {
      items_.emplace_back();
    }
  }
}

void ChunkReader::end_list(std::vector<Cell>& out) {
  out.push_back(list_is_null_ ? Cell() : Cell(context_.arena->copy(std::span<const Cell>(items_))));
  items_.clear();
  in_list_ = false;
}

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
