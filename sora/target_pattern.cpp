#include "sora/target_pattern.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::sora {
namespace {

constexpr size_t kLongestRegex = 500;  // characters; the six Linears by their names take 120
constexpr int kMostCounts = 2;         // {m,n} copies what it counts, nested ones multiply
constexpr int kMostNested = 20;        // brackets; the compiler of expressions is recursive

// libstdc++ then matches breadth first, without backtracking: in polynomial time, and an
// expression with references back is refused.
constexpr auto kSyntax = std::regex::ECMAScript | std::regex_constants::__polynomial;

std::regex compile(const std::string& text) {
  const std::string body = text.substr(1, text.size() - 2);
  int open = 0, deepest = 0;
  for (const char c : body) {
    open += c == '(' ? 1 : c == ')' ? -1 : 0;
    deepest = std::max(deepest, open);
  }
  require(
      body.size() <= kLongestRegex && deepest <= kMostNested,
      "[target_modules] a regular expression of {} characters, {} brackets deep; at most {} and "
      "{} are taken.",
      body.size(), deepest, kLongestRegex, kMostNested);
  require(std::ranges::count(body, '{') <= kMostCounts,
          "[target_modules] \"{}\" counts by {{}} more than {} times; write + or * instead.",
          shown(text), kMostCounts);
  try {
    return std::regex(body, kSyntax);
  } catch (const std::regex_error&) {
    fail(
        "[target_modules] \"{}\" is no regular expression that can be read; write one as "
        "/layer\\.[0-3]\\..*query_proj/.",
        shown(text));
  }
}

bool matches_an_end(std::string_view path, const std::regex& regex) {
  for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const std::string_view end = path.substr(dot + 1);
    if (std::regex_match(end.begin(), end.end(), regex)) return true;
  }
  return false;
}

// Whether the text is the pattern, whose stars mean any characters but dots. Goes back to the
// last star alone, so that it takes no more than text * pattern steps.
bool glob(std::string_view text, std::string_view pattern) {
  size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++t;
      ++p;
    } else if (star != std::string_view::npos && text[resume] != '.') {
      t = ++resume;
      p = star + 1;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

TargetPattern::TargetPattern(const std::string& text) : text_(text) {
  if (text.size() > 2 && text.starts_with('/') && text.ends_with('/')) regex_ = compile(text);
}

std::vector<bool> TargetPattern::select(const std::vector<std::string>& paths) const {
  const auto select_by = [&](const auto& predicate) {
    std::vector<bool> selected;
    for (const std::string& path : paths) selected.push_back(predicate(path));
    return selected;
  };
  if (text_ == "all-linear") return std::vector<bool>(paths.size(), true);
  if (!regex_) return select_by([&](const std::string& path) { return matches(path, text_); });
  std::vector<bool> whole =
      select_by([&](const std::string& path) { return std::regex_match(path, *regex_); });
  if (std::ranges::find(whole, true) != whole.end()) return whole;
  return select_by([&](const std::string& path) { return matches_an_end(path, *regex_); });
}

bool matches(std::string_view path, std::string_view target) {
  const auto parts = std::count(target.begin(), target.end(), '.') + 1;
  size_t begin = path.size();
  for (auto i = parts; i > 0; --i) {
    if (begin == std::string_view::npos || (begin == 0 && i < parts)) return false;
    begin = begin == 0 ? std::string_view::npos : path.rfind('.', begin - 1);
  }
  return glob(path.substr(begin == std::string_view::npos ? 0 : begin + 1), target);
}

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
