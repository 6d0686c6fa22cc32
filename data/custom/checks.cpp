#include "data/custom/checks.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/table/table.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr size_t kExampleCharacters = 60;

struct Meaning {
  std::string_view kind, text;
};
constexpr Meaning kMeanings[] = {
    {"empty_label", "rows without a label are left out"},
    {"unknown_label", "rows with a label that train lacks are left out"},
    {"invalid_utf8", "invalid parts of UTF-8 became U+FFFD"},
    {"similar_labels", "classes differ from another only by case or blanks"},
    {"lookalike_labels",
     "classes look like another: case beyond ASCII, other blanks or another form of accents"},
    {"many_labels",
     "classes are more than half as many as rows; set problem_type=regression if they are numbers, "
     "else another label_column"},
    {"leak", "rows of validation occur in train"},
    {"split_leak", "rows of the validation share of train repeat a row that trains"},
    {"conflicting_labels", "rows repeat another row's text with another label"},
    {"duplicates", "rows repeat another row"},
};

uint64_t hash_of(const Example& row) {
  const std::hash<std::string_view> hash;
  return hash(row.text_a) * 0x9E3779B97F4A7C15u ^ hash(row.text_b);
}

bool same_text(const Example& a, const Example& b) {
  return a.text_a == b.text_a && a.text_b == b.text_b;
}

bool same_label(const Example& a, const Example& b) {
  return a.label == b.label && a.score == b.score && a.classes == b.classes;
}

std::string ascii_plain(std::string_view name) {
  std::string plain = ascii_lower(name);
  std::erase_if(plain, [](char c) { return trimmed_blanks({&c, 1}).empty(); });
  return plain;
}

std::u32string unicode_plain(std::string_view name) {
  std::u32string plain;
  for (size_t at = 0; at < name.size();) {
    const char32_t c = next_char(name, at);
    if (!is_white_space(c)) append_lower(plain, c);
  }
  decompose(plain);
  return plain;
}

struct Counter {
  int64_t count = 0;
  const Example* first = nullptr;

  void add(const Example& row) {
    if (count++ == 0) first = &row;
  }
  void report(std::string kind, std::vector<CustomWarning>& warnings) const {
    if (count == 0) return;
    warnings.push_back({std::move(kind), count, quote(first->text_a, kExampleCharacters)});
  }
};

}  // namespace

std::string CustomWarning::text() const {
  std::string_view meaning = kind;
  for (const Meaning& known : kMeanings) {
    if (known.kind == kind) meaning = known.text;
  }
  return fmt::format("{} {}{}{}", count, meaning, example.empty() ? "" : ", the first: ", example);
}

std::vector<CustomWarning> similar_labels(std::span<const std::string> classes) {
  std::map<std::string, const std::string*> plain;
  std::map<std::u32string, const std::string*> folded;
  CustomWarning similar{"similar_labels", 0, ""}, alike{"lookalike_labels", 0, ""};
  const auto add = [](CustomWarning& warning, const std::string& first, const std::string& name) {
    if (warning.count++ > 0) return;
    warning.example = fmt::format("{} and {}", quote(first, 40), quote(name, 40));
  };
  for (const std::string& name : classes) {
    const auto [near, is_new] = plain.emplace(ascii_plain(name), &name);
    const auto [far, is_unlike] = folded.emplace(unicode_plain(name), &name);
    if (!is_new) {
      add(similar, *near->second, name);
    } else if (!is_unlike) {
      add(alike, *far->second, name);
    }
  }
  std::vector<CustomWarning> warnings;
  for (CustomWarning* warning : {&similar, &alike}) {
    if (warning->count > 0) warnings.push_back(std::move(*warning));
  }
  return warnings;
}

std::vector<CustomWarning> many_labels(std::span<const std::string> classes, int64_t rows) {
  constexpr int64_t kLeast = 20;
  const auto count = static_cast<int64_t>(classes.size());
  if (count < kLeast || 2 * count <= rows) return {};
  return {{"many_labels", count, quote(classes[0], 40)}};
}

std::vector<CustomWarning> repeated_rows(std::span<const Example> train,
                                         std::span<const Example> validation) {
  // Sorted by hash, then by position: 16 bytes a row, and rows of equal text side by side.
  std::vector<std::pair<uint64_t, uint32_t>> order;
  order.reserve(train.size() + validation.size());
  for (const Example& row : train) {
    order.emplace_back(hash_of(row), static_cast<uint32_t>(order.size()));
  }
  for (const Example& row : validation) {
    order.emplace_back(hash_of(row), static_cast<uint32_t>(order.size()));
  }
  std::sort(order.begin(), order.end());
  const auto row_at = [&](uint32_t position) -> const Example& {
    return position < train.size() ? train[position] : validation[position - train.size()];
  };
  Counter leaks, conflicts, duplicates;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && order[end].first == order[begin].first) ++end;
    const Example& first = row_at(order[begin].second);
    const bool begins_in_train = order[begin].second < train.size();
    for (size_t i = begin + 1; i < end; ++i) {
      const Example& row = row_at(order[i].second);
      if (!same_text(first, row)) continue;  // equal hashes of different texts: of no consequence
      if (order[i].second >= train.size() && begins_in_train) leaks.add(row);
      (same_label(first, row) ? duplicates : conflicts).add(row);
    }
    begin = end;
  }
  std::vector<CustomWarning> warnings;
  leaks.report("leak", warnings);
  conflicts.report("conflicting_labels", warnings);
  duplicates.report("duplicates", warnings);
  return warnings;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
