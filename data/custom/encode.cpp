#include "data/custom/encode.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace soragrad::data {
namespace {

constexpr size_t kShownName = 40;

std::string class_list(const Task& task) {
  constexpr size_t kMost = 8;
  std::string text;
  for (size_t i = 0; i < std::min(task.labels.size(), kMost); ++i) {
    text += (i == 0 ? "" : ", ") + quote(task.labels[i], kShownName);
  }
  return task.labels.size() > kMost
             ? fmt::format("{} and {} more", text, task.labels.size() - kMost)
             : text;
}

}  // namespace

CustomEncoder::CustomEncoder(const Task& task, const CustomKeys& keys, CustomUse use)
    : task_(task), keys_(keys), use_(use), classes_(task.labels) {}

void CustomEncoder::add(const CustomFile& file, CustomPart& part) const {
  const Table& table = *file.table;
  require(file.columns.pair.has_value() == task_.has_pair(),
          "[{}] the file has {} column of second texts, the task {}; set text_pair_column.",
          table.path(), file.columns.pair ? "a" : "no",
          task_.has_pair() ? "needs one" : "has none");
  CustomFileInfo info{.path = table.path(),
                      .sha256 = table.sha256(),
                      .bytes = table.bytes(),
                      .invalid_utf8 = table.invalid_utf8(),
                      .text_column = file.name_of(file.columns.text),
                      .pair_column = file.name_of(file.columns.pair),
                      .label_column = file.name_of(file.columns.label)};
  const auto number = static_cast<uint32_t>(part.files.size());
  for (int64_t row = 0; row < file.rows(); ++row) {
    const auto i = static_cast<size_t>(row);
    Example example;
    if (file.is_labelled()) {
      if (file.labels[i].kind() == Cell::Kind::null) {
        if (info.empty_labels++ == 0) info.first_empty = file.where(row);
        continue;
      }
      if (!add_label(file, row, example)) {
        if (info.unknown_labels++ == 0) info.first_unknown = file.where(row);
        continue;
      }
    }
    example.text_a = file.texts[i].text();
    if (file.columns.pair) example.text_b = file.pairs[i].text();
    if (file.columns.id) example.id = file.ids[i].text();
    if (file.columns.weight) example.weight = weight_of(file, row);
    example.index = row;
    part.rows.rows.push_back(std::move(example));
    part.origins.push_back({number, static_cast<uint32_t>(row)});
    ++info.rows;
  }
  info.dropped = info.empty_labels + info.unknown_labels;
  require(info.rows > 0 || use_ == CustomUse::train,
          "[{}] no row is left of {}: {} have no label, "
          "{} an unknown one.",
          info.path, file.rows(), info.empty_labels, info.unknown_labels);
  part.rows.dropped += info.dropped;
  part.rows.labelled = file.is_labelled();
  if (part.files.empty()) part.rows.path = info.path;
  part.files.push_back(std::move(info));
}

// False for a row that is to be left out. (A row's place is put into words only if it is needed:
// that would take longer than the row.)
bool CustomEncoder::add_label(const CustomFile& file, int64_t row, Example& example) const {
  const Cell& label = file.labels[static_cast<size_t>(row)];
  const bool is_list = label.kind() == Cell::Kind::list;
  if (task_.problem_type != ProblemType::multi_label_classification) {
    if (is_list) {
      fail("[{}] the label is a list, but problem_type is {}; one label a row is needed.",
           file.where(row), name_of(task_.problem_type));
    }
    if (task_.regression()) {
      add_score(file, row, label.text(), example);
      return true;
    }
    return add_class(file, row, label.text(), example);
  }
  if (!is_list) return add_class(file, row, label.text(), example);
  for (const Cell& name : label.items()) {
    if (!add_class(file, row, name.text(), example)) return false;
  }
  std::sort(example.classes.begin(), example.classes.end());
  return true;
}

bool CustomEncoder::add_class(const CustomFile& file, int64_t row, std::string_view name,
                              Example& example) const {
  const int32_t number = classes_.find(name);
  if (number < 0) {
    if (use_ != CustomUse::train && keys_.ignores_unknown_labels) return false;
    const std::string where = file.where(row), label = quote(name, kShownName);
    if (use_ == CustomUse::train) {
      fail("[{}] the label {} is none of labels={}; add it there.", where, label,
           class_list(task_));
    }
    fail(
        "[{}] the label {} is none of the classes {}{}; set unknown_labels=ignore to leave such "
        "rows out.",
        where, label, class_list(task_), keys_.labels.empty() ? ", which are train's" : "");
  }
  if (task_.problem_type == ProblemType::multi_label_classification) {
    example.classes.push_back(number);
  } else {
    example.label = number;
  }
  return true;
}

void CustomEncoder::add_score(const CustomFile& file, int64_t row, std::string_view text,
                              Example& example) const {
  if (!number_form(text).is_number) {
    fail(
        "[{}] the label {} is no number; regression needs numbers, or set "
        "problem_type=single_label_classification.",
        file.where(row), quote(text, kShownName));
  }
  example.score = number_value(text);
  if (!std::isfinite(static_cast<float>(example.score))) {
    fail("[{}] the label {} is too large for 32-bit numbers.", file.where(row),
         quote(text, kShownName));
  }
}

float CustomEncoder::weight_of(const CustomFile& file, int64_t row) const {
  const std::string_view text = trimmed_blanks(file.weights[static_cast<size_t>(row)].text());
  const float weight = number_form(text).is_number ? static_cast<float>(number_value(text)) : -1.0f;
  if (!(weight >= 0) || !std::isfinite(weight)) {
    fail("[{}] the weight {} is no number of at least 0; correct it or leave weight_column out.",
         file.where(row), quote(text, kShownName));
  }
  return weight;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
