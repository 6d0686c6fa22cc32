#include "data/custom/file.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <unordered_map>
#include <utility>

namespace soragrad::data {
namespace {

// Brings the labels of one file into their form.
class LabelForms {
 public:
  LabelForms(CustomFile& file, const CustomKeys& keys)
      : file_(file),
        keys_(keys),
        splits_(!keys.label_separator.empty() && keys.problem_type != "regression" &&
                keys.problem_type != "single_label_classification"),
        names_classes_(!file.class_names.empty()) {}

  void run() {
    for (row_ = 0; row_ < file_.rows(); ++row_) {
      Cell& label = file_.labels[static_cast<size_t>(row_)];
      const Cell formed = form_of(label);
      if (formed.kind() == Cell::Kind::null) {
        label = formed;
        continue;
      }
      const bool is_list = label.kind() == Cell::Kind::list;
      if (!seen_) first_is_list_ = is_list;
      seen_ = true;
      if (is_list != first_is_list_) {
        fail("[{}] the label is {}, in rows before it {}; use one form in a file.",
             file_.where(row_), is_list ? "a list" : "no list",
             first_is_list_ ? "a list" : "no list");
      }
      label = formed;
    }
  }

 private:
  Cell form_of(const Cell& cell) {
    switch (cell.kind()) {
      case Cell::Kind::null:
        return {};
      case Cell::Kind::object:
        fail("[{}] the label is an object; a text, a number or a list of those is needed.",
             file_.where(row_));
      case Cell::Kind::list: {
        if (cell.items().empty()) return Cell(std::span<const Cell>());
        names_.clear();
        for (const Cell& item : cell.items()) {
          if (item.kind() == Cell::Kind::object || item.kind() == Cell::Kind::list) {
            fail("[{}] a label within the list is a list or an object.", file_.where(row_));
          }
          add(name_of(item));
        }
        return list_of_names();
      }
      default:
        break;
    }
    if (splits_) return split(trimmed_blanks(cell.text()));
    const std::string_view name = name_of(cell);
    return name.empty() ? Cell() : Cell(Cell::Kind::text, name);
  }

  Cell split(std::string_view text) {
    names_.clear();
    for (;;) {
      const size_t end = text.find(keys_.label_separator);
      add(trimmed_blanks(text.substr(0, end)));
      if (end == text.npos) break;
      text.remove_prefix(end + keys_.label_separator.size());
    }
    return list_of_names();
  }

  std::string_view name_of(const Cell& cell) const {
    const std::string_view text = trimmed_blanks(cell.text());
    if (!names_classes_ || cell.kind() != Cell::Kind::number) return text;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_whole = error == std::errc() && end == text.data() + text.size();
    if (is_whole && number < 0) return {};
    if (!is_whole || number >= std::ssize(file_.class_names)) {
      fail("[{}] class {} of column {}, whose class names go from 0 to {}.", file_.where(row_),
           shown(text), quote(file_.table->columns()[*file_.columns.label]),
           file_.class_names.size() - 1);
    }
    return file_.class_names[static_cast<size_t>(number)];
  }

  void add(std::string_view name) {
    const bool is_new = std::none_of(names_.begin(), names_.end(),
                                     [&](const Cell& known) { return known.text() == name; });
    if (!name.empty() && is_new) names_.emplace_back(Cell::Kind::text, name);
  }

  // No label if every part was empty.
  Cell list_of_names() {
    if (names_.empty()) return {};
    return Cell(file_.arena.copy(std::span<const Cell>(names_)));
  }

  CustomFile& file_;
  const CustomKeys& keys_;
  const bool splits_, names_classes_;
  int64_t row_ = 0;
  bool seen_ = false, first_is_list_ = false;
  std::vector<Cell> names_;
};

// Trims the names of a ClassLabel, as labels are. Throws for one that is empty or occurs twice.
void take_class_names(CustomFile& file, const std::vector<std::string>& names) {
  const std::string column = quote(file.name_of(file.columns.label));
  std::unordered_map<std::string_view, size_t> seen;
  file.class_names.reserve(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string& name = file.class_names.emplace_back(trimmed_blanks(names[i]));
    require(!name.empty(), "[{}] class {} of column {} has an empty name; give it one in the file.",
            file.table->path(), i, column);
    const auto [known, fresh] = seen.emplace(name, i);
    require(fresh, "[{}] classes {} and {} of column {} are both named {}; name them apart.",
            file.table->path(), known->second, i, column, quote(name, 40));
  }
}

void check_texts(const CustomFile& file, size_t column, const std::vector<Cell>& texts) {
  for (size_t row = 0; row < texts.size(); ++row) {
    const Cell::Kind kind = texts[row].kind();
    if (kind != Cell::Kind::list && kind != Cell::Kind::object) continue;
    // A row without a label is left out before anything else is decided.
    if (file.is_labelled() && file.labels[row].kind() == Cell::Kind::null) continue;
    fail("[{}] column {} holds {}, a text is needed; name another column.",
         file.where(static_cast<int64_t>(row)), quote(file.table->columns()[column]),
         kind == Cell::Kind::list ? "a list" : "an object");
  }
}

}  // namespace

NumberForm number_form(std::string_view text) {
  size_t at = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at]))) ++at;
    return at - begin;
  };
  const size_t before = digits();
  if (at == text.size()) return {before > 0, before > 0};
  size_t after = 0;
  if (text[at] == '.') {
    ++at;
    after = digits();
  }
  if (before + after == 0) return {};
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return {};
  }
  return {at == text.size(), false};
}

double number_value(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  // Too small or too large for a double: 0 or infinite. The exponent's sign tells.
  const size_t exponent = text.find_first_of("eE");
  const bool is_small = exponent != text.npos && text.substr(exponent).starts_with("e-");
  if (is_small || (exponent != text.npos && text.substr(exponent).starts_with("E-"))) return 0;
  return std::numeric_limits<double>::infinity();
}

std::unique_ptr<CustomFile> read_custom_file(const std::string& path, const CustomKeys& keys,
                                             CustomUse use) {
  auto file = std::make_unique<CustomFile>();
  file->table = open_table(path, {.format = keys.format, .header = keys.header});
  Table& table = *file->table;
  file->columns = choose_columns(table, keys, use);
  const CustomColumns& columns = file->columns;

  std::vector<size_t> wanted;
  std::vector<std::vector<Cell>*> places;
  std::optional<size_t> label_place;
  const auto want = [&](std::optional<size_t> column, std::vector<Cell>& place) {
    if (!column) return;
    wanted.push_back(*column);
    places.push_back(&place);
  };
  want(columns.label, file->labels);
  if (columns.label) label_place = 0;
  want(columns.text, file->texts);
  want(columns.pair, file->pairs);
  want(columns.id, file->ids);
  want(columns.weight, file->weights);
  std::vector<Column> read = table.read(wanted);
  require(table.rows() > 0, "[{}] no rows in this file{}.", table.path(),
          table.has_header() ? ", only a header" : "");
  for (size_t i = 0; i < read.size(); ++i) *places[i] = std::move(read[i].cells);
  if (label_place) {
    const bool are_numbers = keys.problem_type == "regression";
    if (!are_numbers) take_class_names(*file, read[*label_place].class_names);
    LabelForms(*file, keys).run();
  }
  check_texts(*file, columns.text, file->texts);
  if (columns.pair) check_texts(*file, *columns.pair, file->pairs);
  return file;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
