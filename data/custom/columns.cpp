#include "data/custom/columns.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace soragrad::data {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kText[] = {"text",    "sentence", "sentence1",
                                      "premise", "question", "question1"};
constexpr std::string_view kPair[] = {"sentence2", "hypothesis", "question2", "text_pair"};
constexpr std::string_view kLabel[] = {"label", "labels", "target", "category", "class", "score"};
constexpr std::string_view kId[] = {"id", "idx", "index"};

std::string list_of(std::span<const std::string> names) {
  constexpr size_t kMost = 12, kCharacters = 24;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kMost); ++i) {
    text += (i == 0 ? "" : ", ") + quote(names[i], kCharacters);
  }
  return names.size() > kMost ? fmt::format("{} and {} more", text, names.size() - kMost) : text;
}

// What to do about a header of a single cell that holds the separator of another format; empty for
// any other header.
std::string other_separator(std::span<const std::string> columns) {
  if (columns.size() != 1) return "";
  const std::string& header = columns[0];
  if (header.find('\t') != header.npos) return "the cells are separated by tabs: set format=tsv";
  if (header.find(';') != header.npos || header.find('|') != header.npos) {
    return "cells are separated by commas (csv) or tabs (tsv): write the file so";
  }
  if (header.find(',') != header.npos) return "the cells are separated by commas: set format=csv";
  return "";
}

class Chooser {
 public:
  Chooser(const Table& table, const CustomKeys& keys) : table_(table), keys_(keys) {}

  // The column that the key names.
  std::optional<size_t> named(std::string_view key, const std::string& name) {
    if (name.empty()) return std::nullopt;
    const auto columns = table_.columns();
    const auto found = std::find(columns.begin(), columns.end(), name);
    require(found != columns.end(), "[{}] {} is {}, but the columns are {}; name one of these.",
            table_.path(), key, quote(name), list_of(columns));
    return take(static_cast<size_t>(found - columns.begin()));
  }

  // The same for a key that may be left to the candidates.
  std::optional<size_t> named_or_found(std::string_view key, const std::string& name) {
    const auto columns = table_.columns();
    if (!keys_.header) return named(key, name);
    if (!name.empty() && std::find(columns.begin(), columns.end(), name) == columns.end()) {
      require(keys_.columns_were_found,
              "[{}] {} is {}, but the columns are {}; name one of these, or set {}=auto to search "
              "anew.",
              table_.path(), key, quote(name), list_of(columns), key);
      return std::nullopt;
    }
    return named(key, name);
  }

  // The one candidate that is present.
  std::optional<size_t> candidate(std::string_view key, Names names, bool needed) {
    if (!keys_.header) {
      require(!needed, "[{}] a file without a header needs {}: a number from 0 to {}.",
              table_.path(), key, table_.columns().size() - 1);
      return std::nullopt;
    }
    std::vector<std::string> present, taken;
    size_t position = 0;
    for (size_t i = 0; i < table_.columns().size(); ++i) {
      const std::string& name = table_.columns()[i];
      if (std::find(names.begin(), names.end(), name) == names.end()) continue;
      if (is_taken(i)) {
        taken.push_back(name);
        continue;
      }
      present.push_back(name);
      position = i;
    }
    require(present.size() <= 1,
            "[{}] the columns {} are all candidates for {}; choose one: {}={}.", table_.path(),
            list_of(present), key, key, present.empty() ? "" : present[0]);
    if (present.size() == 1) return take(position);
    const std::string separator = other_separator(table_.columns());
    require(!needed || separator.empty(), "[{}] the header is one cell, {}; {}.", table_.path(),
            list_of(table_.columns()), separator);
    require(!needed || taken.empty(), "[{}] no column for {}: {} has another role; set {}=NAME.",
            table_.path(), key, list_of(taken), key);
    require(!needed, "[{}] no column for {}: none of the columns {} is named {}; set {}=NAME.",
            table_.path(), key, list_of(table_.columns()), fmt::join(names, ", "), key);
    return std::nullopt;
  }

  // The first of the names that is present and can be read.
  std::optional<size_t> first(Names names) {
    if (!keys_.header) return std::nullopt;
    for (const std::string_view name : names) {
      for (size_t i = 0; i < table_.columns().size(); ++i) {
        if (table_.columns()[i] == name && table_.is_readable(i) && !is_taken(i)) return take(i);
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<size_t> take(size_t column) {
    require(!is_taken(column), "[{}] the column {} has two roles; a column has one.", table_.path(),
            quote(table_.columns()[column]));
    taken_.push_back(column);
    return column;
  }
  bool is_taken(size_t column) const {
    return std::find(taken_.begin(), taken_.end(), column) != taken_.end();
  }

  const Table& table_;
  const CustomKeys& keys_;
  std::vector<size_t> taken_;
};

}  // namespace

CustomColumns choose_columns(const Table& table, const CustomKeys& keys, CustomUse use) {
  Chooser chooser(table, keys);
  // Named columns first: they are no candidates for other roles any more.
  const auto text = chooser.named_or_found("text_column", keys.text_column);
  const bool no_pair = keys.text_pair_column == "none";
  CustomColumns columns;
  if (!no_pair) columns.pair = chooser.named_or_found("text_pair_column", keys.text_pair_column);
  const bool needs_label = use == CustomUse::train || use == CustomUse::validation;
  const bool takes_label = needs_label || use == CustomUse::test;
  if (needs_label) columns.label = chooser.named_or_found("label_column", keys.label_column);
  if (use == CustomUse::test && !keys.label_column.empty()) {
    const auto names = table.columns();
    if (std::find(names.begin(), names.end(), keys.label_column) != names.end()) {
      columns.label = chooser.named_or_found("label_column", keys.label_column);
    }
  }
  columns.id = chooser.named("id_column", keys.id_column);
  if (use == CustomUse::train) columns.weight = chooser.named("weight_column", keys.weight_column);

  columns.text = text ? *text : *chooser.candidate("text_column", kText, true);
  if (!columns.pair && !no_pair) {
    columns.pair = chooser.candidate("text_pair_column", kPair, false);
  }
  if (takes_label && !columns.label &&
      (needs_label || keys.label_column.empty() || keys.columns_were_found)) {
    columns.label = chooser.candidate("label_column", kLabel, needs_label);
  }
  if (!columns.id) columns.id = chooser.first(kId);
  return columns;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
