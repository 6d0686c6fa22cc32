#include "data/glue_file.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/glue_parquet.h"
#include "data/tsv.h"

namespace soragrad::data {
namespace {

using Fields = std::span<const std::string_view>;

const std::string kIndexNames[] = {"index", "idx"};
const std::string kTestIndexNames[] = {"index", "idx", "id"};  // id: QQP's test file
const std::string kFirstId[] = {"#1 ID"};
const std::string kSecondId[] = {"#2 ID"};
constexpr int kRowsExamined = 100;  // to tell the form of a file whose header is no help

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first column that bears one of the names, earlier names first; -1 if none does.
int column(Fields header, std::span<const std::string> names) {
  for (const std::string& name : names) {
    for (size_t i = 0; i < header.size(); ++i) {
      if (ascii_lower(trimmed(header[i])) == ascii_lower(name)) return static_cast<int>(i);
    }
  }
  return -1;
}

const std::string_view* field(Fields fields, int column) {
  return column >= 0 && static_cast<size_t>(column) < fields.size() ? &fields[column] : nullptr;
}

// A name of the task's classes, or their number as the Hub exports them.
std::optional<int64_t> parse_label(const Task& task, std::string_view text) {
  for (size_t i = 0; i < task.labels.size(); ++i) {
    if (text == task.labels[i]) return static_cast<int64_t>(i);
  }
  const auto number = parse<int64_t>(text);
  return number && *number >= 0 && *number < task.num_labels() ? number : std::nullopt;
}

std::optional<float> parse_score(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto score = parse<double>(text);
  if (!score || !std::isfinite(static_cast<float>(*score))) return std::nullopt;
  return static_cast<float>(*score);
}

bool is_label(const Task& task, std::string_view text) {
  return task.regression() ? parse_score(text).has_value() : parse_label(task, text).has_value();
}

struct Layout {
  FileColumns columns;
  bool header;
};

// Whether a row can be of this form: it has so many columns, and a label or an index at its place.
bool fits(const Task& task, const FileColumns& form, Fields fields) {
  if (fields.size() != form.width) return false;
  if (form.label >= 0) return is_label(task, trimmed(fields[form.label]));
  return parse<int64_t>(fields[form.index]).has_value();
}

// The form of a file whose first line has no known names: the labelled one if any of the first
// rows fits it, else the test form. The first line is a header unless it fits itself.
std::optional<Layout> layout_by_content(const Task& task, TsvReader& reader) {
  for (const FileColumns& form : {task.labelled, task.unlabelled}) {
    const bool headerless = form.label >= 0 && !task.labelled_header;
    reader.rewind();
    for (int row = 0; row < kRowsExamined && reader.next(); ++row) {
      if (fits(task, form, reader.fields())) return Layout{form, row > 0 && !headerless};
    }
  }
  // CoLA has no header to blame: reading on names the first row that is wrong.
  if (!task.labelled_header) return Layout{task.labelled, false};
  return std::nullopt;
}

// Names in the header decide. Files without them, such as CoLA's, are known by their content.
Layout find_layout(const Task& task, TsvReader& reader) {
  require(reader.next(), "[{}] {}: no rows in this file.", task.name, reader.path());
  const Fields header = reader.fields();
  const std::string first_line = reader.where();
  const size_t width = header.size();
  FileColumns columns;
  columns.text_a = column(header, task.text_a_names);
  columns.text_b = column(header, task.text_b_names);
  columns.label = column(header, task.label_columns);
  columns.index = columns.label < 0 ? column(header, kTestIndexNames) : column(header, kIndexNames);
  if (columns.text_a >= 0 && (columns.text_b >= 0 || !task.has_pair())) return {columns, true};

  std::string needed(task.text_a_names[0]);
  if (task.has_pair()) needed += fmt::format(" and {}", task.text_b_names[0]);
  require(columns.text_a < 0 && columns.text_b < 0,
          "[{}] {}: the header has only one of the columns {}; add the other.", task.name,
          first_line, needed);
  const auto layout = layout_by_content(task, reader);
  require(layout.has_value(),
          "[{}] {}: no header with the columns {}, and rows of {} columns fit neither the labelled "
          "form ({} columns) nor the test form ({}).",
          task.name, first_line, needed, width, task.labelled.width, task.unlabelled.width);
  return *layout;
}

// The id pairs of MRPC's dev rows, each as "id1 TAB id2".
std::unordered_set<std::string> load_dev_ids(const std::string& path) {
  std::unordered_set<std::string> ids;
  TsvReader reader(path);
  while (reader.next()) {
    require(reader.fields().size() == 2, "[mrpc] {}: {} columns, expected two ids.", reader.where(),
            reader.fields().size());
    ids.insert(fmt::format("{}\t{}", reader.fields()[0], reader.fields()[1]));
  }
  return ids;
}

// MRPC's dev rows are among its train rows in the original files; dev_ids.tsv tells them apart.
class DevFilter {
 public:
  // The reader stands behind its header, if it has one: `header`, else empty.
  DevFilter(const GlueSource& source, const TsvReader& reader, Fields header)
      : acts_(!source.dev_ids.empty()), wants_dev_(source.dev) {
    if (!acts_) return;
    id1_ = column(header, kFirstId);
    id2_ = column(header, kSecondId);
    require(id1_ >= 0 && id2_ >= 0, "[mrpc] {}: no columns #1 ID and #2 ID.", reader.where());
    ids_ = load_dev_ids(source.dev_ids);
  }
  bool leaves_out(Fields fields) const {
    if (!acts_) return false;
    const std::string_view *first = field(fields, id1_), *second = field(fields, id2_);
    const bool dev = first && second && ids_.contains(fmt::format("{}\t{}", *first, *second));
    return dev != wants_dev_;
  }

 private:
  bool acts_, wants_dev_;
  int id1_ = -1, id2_ = -1;
  std::unordered_set<std::string> ids_;
};

// Reads the label into the example; false if it is missing.
bool read_label(const Task& task, const TsvReader& reader, int column, Example& example) {
  const std::string_view* raw = field(reader.fields(), column);
  const std::string_view text = raw ? trimmed(*raw) : std::string_view();
  if (text.empty()) return false;
  if (task.regression()) {
    const auto score = parse_score(text);
    require(score.has_value(), "[{}] {}: score {} is not a finite number.", task.name,
            reader.where(), quote(text));
    example.score = static_cast<double>(*score);
    return true;
  }
  const auto label = parse_label(task, text);
  require(label.has_value(), "[{}] {}: unknown label {}; expected {} or 0 to {}.", task.name,
          reader.where(), quote(text), joined(task.labels), task.num_labels() - 1);
  example.label = *label;
  return true;
}

// Row `number` of the file, which the reader stands at; nothing if a column is missing.
std::optional<Example> read_row(const Task& task, const TsvReader& reader,
                                const FileColumns& columns, bool labelled, int64_t number) {
  const Fields fields = reader.fields();
  const std::string_view *text_a = field(fields, columns.text_a),
                         *text_b = field(fields, columns.text_b),
                         *index = field(fields, columns.index);
  Example example;
  if (!text_a || (task.has_pair() && !text_b)) return std::nullopt;
  if (labelled && !read_label(task, reader, columns.label, example)) return std::nullopt;
  example.text_a = *text_a;
  if (text_b) example.text_b = *text_b;
  example.index = index ? parse<int64_t>(*index).value_or(number) : number;
  return example;
}

// Whether every label is -1, as the Hub exports test sets: then the file has none.
bool has_placeholders_only(TsvReader& reader, int column, bool header) {
  reader.rewind();
  if (header) reader.next();
  bool found = false;
  while (reader.next()) {
    const std::string_view* raw = field(reader.fields(), column);
    const auto value = raw ? parse<double>(trimmed(*raw)) : std::nullopt;
    if (!value || *value != -1) return false;
    found = true;
  }
  return found;
}

}  // namespace

Dataset load_glue_file(const Task& task, const GlueSource& source, Labels labels) {
  if (source.path.ends_with(".parquet")) return load_glue_parquet(task, source.path, labels);
  require(!source.path.ends_with(".csv"),
          "[{}] GLUE tasks read tab-separated files. For a file of your own give task=custom.",
          shown(source.path));
  TsvReader reader(source.path);
  const auto [columns, header] = find_layout(task, reader);
  Dataset dataset{.task = &task, .path = source.path};
  dataset.labelled = columns.label >= 0 && labels != Labels::ignored &&
                     !has_placeholders_only(reader, columns.label, header);
  require(dataset.labelled || labels != Labels::required, "[{}] {}: {}.", task.name, source.path,
          columns.label < 0 ? "no label column; give a file in the form of train.tsv"
                            : "all labels are -1, the Hub's mark of a test set without labels");

  reader.rewind();
  if (header) reader.next();
  const DevFilter filter(source, reader, header ? reader.fields() : Fields{});
  for (int64_t number = 0; reader.next(); ++number) {
    if (filter.leaves_out(reader.fields())) continue;
    if (auto example = read_row(task, reader, columns, dataset.labelled, number)) {
      dataset.rows.push_back(std::move(*example));
    } else {
      ++dataset.dropped;
    }
  }
  require(!dataset.rows.empty(), "[{}] {}: no rows in this file ({} dropped for missing columns).",
          task.name, source.path, dataset.dropped);
  return dataset;
}

Dataset load_glue_file(const Task& task, const std::string& path, Labels labels) {
  return load_glue_file(task, GlueSource{.path = path}, labels);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
