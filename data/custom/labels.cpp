#include "data/custom/labels.h"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace soragrad::data {
namespace {

constexpr size_t kMaxClasses = size_t{1} << 16;

// Calls use(name) for each label of each row.
template <typename Use>
void for_each_name(const CustomFiles& files, Use&& use) {
  for (const auto& file : files) {
    for (const Cell& label : file->labels) {
      if (label.kind() == Cell::Kind::text) use(label.text());
      for (const Cell& item : label.items()) use(item.text());
    }
  }
}

std::vector<std::string> names_of(const CustomFiles& files) {
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> names;
  for_each_name(files, [&](std::string_view name) {
    if (seen.insert(name).second) names.emplace_back(name);
    require(names.size() <= kMaxClasses,
            "[{}] more than {} different labels; is the label column {} right? Name another by "
            "label_column, or set problem_type=regression for numbers.",
            files[0]->table->path(), kMaxClasses,
            quote(files[0]->table->columns()[*files[0]->columns.label]));
  });
  return names;
}

bool is_same_set(std::span<const std::string> a, std::span<const std::string> b) {
  return a.size() == b.size() &&
         std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

// A whole number in pieces that compare: sign and digits without leading zeros.
struct WholeNumber {
  bool is_negative;
  std::string_view digits;

  explicit WholeNumber(std::string_view text) : is_negative(text.starts_with('-')) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
    digits = text;
    if (digits == "0") is_negative = false;
  }
  // Below 0, 0 or above 0.
  int compare(const WholeNumber& other) const {
    if (is_negative != other.is_negative) return is_negative ? -1 : 1;
    int order = digits.size() == other.digits.size()  ? digits.compare(other.digits)
                : digits.size() < other.digits.size() ? -1
                                                      : 1;
    return is_negative ? -order : order;
  }
};

void check_count(size_t classes, ProblemType type, const CustomFiles& train) {
  const size_t least = type == ProblemType::single_label_classification ? 2 : 1;
  require(classes >= least,
          "[{}] {} in all rows, so there is nothing to learn; name the classes that may come by "
          "labels=a,b or choose another label_column.",
          train[0]->table->path(), classes == 0 ? "no class" : "one class");
}

}  // namespace

ProblemType problem_type_of(const CustomFiles& train, const CustomKeys& keys) {
  bool any_label = false, any_list = false, all_numbers = true, any_real = false;
  for (const auto& file : train) {
    for (const Cell& label : file->labels) {
      if (label.kind() == Cell::Kind::null) continue;
      any_label = true;
      any_list = any_list || label.kind() == Cell::Kind::list;
      const NumberForm form = number_form(label.text());
      all_numbers = all_numbers && form.is_number;
      any_real = any_real || (form.is_number && !form.is_whole);
    }
  }
  require(any_label, "[{}] no row has a label: column {} is empty in all {} rows.",
          train[0]->table->path(), quote(train[0]->table->columns()[*train[0]->columns.label]),
          train[0]->rows());
  if (!keys.problem_type.empty()) return problem_type_named(keys.problem_type);
  if (any_list) return ProblemType::multi_label_classification;
  const bool is_regression = all_numbers && any_real && keys.labels.empty();
  return is_regression ? ProblemType::regression : ProblemType::single_label_classification;
}

void sort_class_names(std::vector<std::string>& names) {
  const bool all_whole = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return number_form(name).is_whole;
  });
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    const int order = all_whole ? WholeNumber(a).compare(WholeNumber(b)) : 0;
    return order != 0 ? order < 0 : a < b;  // bytes of UTF-8 are in the order of code points
  });
}

std::vector<std::string> order_classes(const CustomFiles& train, const CustomKeys& keys,
                                       std::span<const std::string> model_labels,
                                       ProblemType type) {
  if (type == ProblemType::regression) return {};
  std::vector<std::string> names = names_of(train);
  if (!keys.labels.empty()) {
    const std::set<std::string> distinct(keys.labels.begin(), keys.labels.end());
    require(distinct.size() == keys.labels.size(), "[labels] a name occurs twice.");
    for (const std::string& name : names) {
      if (!distinct.contains(name)) return keys.labels;  // the row is named where rows are read
    }
    names = keys.labels;
  } else if (is_same_set(names, model_labels)) {
    names.assign(model_labels.begin(), model_labels.end());
  } else if (const auto classes =
                 std::find_if(train.begin(), train.end(),
                              [](const auto& file) { return !file->class_names.empty(); });
             classes != train.end()) {
    // Labels of other files that are no ClassLabel names come behind them.
    sort_class_names(names);
    std::vector<std::string> ordered = (*classes)->class_names;
    for (std::string& name : names) {
      if (std::find(ordered.begin(), ordered.end(), name) == ordered.end()) {
        ordered.push_back(std::move(name));
      }
    }
    names = std::move(ordered);
  } else {
    sort_class_names(names);
  }
  check_count(names.size(), type, train);
  return names;
}

ClassIndex::ClassIndex(std::span<const std::string> names) {
  for (size_t i = 0; i < names.size(); ++i) numbers_.emplace(names[i], static_cast<int32_t>(i));
}

int32_t ClassIndex::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
