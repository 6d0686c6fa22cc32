#include "data/table/table.h"

#include <array>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "core/file.h"
#include "core/plain_text.h"
#include "core/sha256.h"
#include "data/table/delimited.h"
#include "data/table/fasttext.h"
#include "data/table/json_lines.h"
#include "data/table/parquet_table.h"

namespace soragrad::data {
namespace {

struct FormatName {
  std::string_view extension, format;
};
constexpr std::array<FormatName, 6> kFormats{{{".csv", "csv"},
                                              {".tsv", "tsv"},
                                              {".jsonl", "jsonl"},
                                              {".json", "jsonl"},
                                              {".parquet", "parquet"},
                                              {".txt", "fasttext"}}};

// By the name of a format or of an extension without its point.
std::string_view format_of(const std::string& path, const std::string& format) {
  const std::string extension =
      ascii_lower(format.empty() ? std::filesystem::path(path).extension().string() : "." + format);
  for (const auto& [known, name] : kFormats) {
    if (extension == known || extension == fmt::format(".{}", name)) return name;
  }
  fail(
      "[{}] {} {} is no known format of own data; known are csv, tsv, jsonl, json, parquet and "
      "txt (fastText). Set format=... if the file is one of them.",
      shown(path), format.empty() ? "extension" : "format",
      quote(format.empty() ? extension : format));
}

}  // namespace

std::string_view trimmed_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Table::Table(const std::string& path, std::string bytes)
    : path_(shown(path)), bytes_(std::move(bytes)) {
  Sha256 hash;
  hash.update(bytes_);
  sha256_ = hash.hex();
}

std::string_view Table::text() const {
  std::string_view text = bytes_;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

std::vector<Column> Table::read(std::span<const size_t> wanted) {
  for (const size_t column : wanted) {
    require(column < columns_.size(), "[{}] there is no column {} of {}.", path_, column,
            columns_.size());
  }
  rows_ = 0;
  lines_.clear();
  return read_columns(wanted);
}

std::string Table::where(int64_t row) const {
  if (lines_.empty()) return fmt::format("{}: row {}", path_, row + 1);
  require(row >= 0 && static_cast<size_t>(row) < lines_.size(), "[{}] there is no row {} of {}.",
          path_, row, lines_.size());
  return at_line(lines_[static_cast<size_t>(row)]);
}

std::string Table::at_line(int64_t line) const {
  return fmt::format("{}:{}", path_, line);
}

void Table::count_invalid_utf8() {
  invalid_utf8_ = invalid_parts(text());
}

std::string_view Table::repaired(std::string_view raw) {
  if (invalid_utf8_ == 0) return raw;
  const std::string_view good = repair_utf8(raw, storage_);
  return good.data() == raw.data() ? raw : arena_.copy(good);
}

void Table::set_columns(std::vector<std::string> names, const std::string& where) {
  require(names.size() <= kMaxTableColumns, "[{}] {} columns; at most {} are read.", where,
          names.size(), kMaxTableColumns);
  std::unordered_set<std::string_view> seen;
  for (const std::string& name : names) {
    require(seen.insert(name).second, "[{}] the column {} occurs twice; rename one of the two.",
            where, quote(name));
  }
  columns_ = std::move(names);
}

std::unique_ptr<Table> open_table(const std::string& path, const TableOptions& options) {
  format_of(path, options.format);  // an unknown format is refused before a byte is read
  return read_table(path, read_file(path), options);
}

std::unique_ptr<Table> read_table(const std::string& path, std::string bytes,
                                  const TableOptions& options) {
  const std::string_view format = format_of(path, options.format);
  if (format != "parquet") require_plain_text(bytes, shown(path));
  if (format == "csv") {
    return std::make_unique<DelimitedTable>(path, std::move(bytes),
                                            Delimiters{',', true, options.header});
  }
  if (format == "tsv") {
    return std::make_unique<DelimitedTable>(path, std::move(bytes),
                                            Delimiters{'\t', false, options.header});
  }
  if (format == "jsonl") return std::make_unique<JsonLinesTable>(path, std::move(bytes));
  if (format == "fasttext") return std::make_unique<FastTextTable>(path, std::move(bytes));
  return std::make_unique<ParquetTable>(path, std::move(bytes));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
