// One entry of `target_modules`: which Linears it means.
//   query_proj, layer.*.output.dense   the end of a path; * stands for characters of one part
//   /layer\.[0-3]\..*query_proj/       a regular expression (ECMAScript) between slashes
//   all-linear                         every Linear
// A regular expression has the meaning that Hugging Face peft gives one (re.fullmatch): it must
// match a whole path. Only an expression that matches no whole path is matched with ends of paths
// that begin at a part, so that "deberta.encoder." need not be written.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace soragrad::sora {

class TargetPattern {
 public:
  // Throws if a regular expression is not valid, or too long or too complex to be one of names.
  explicit TargetPattern(const std::string& text);

  // Which of the paths the entry means, one answer a path. Takes time polynomial in the lengths,
  // whatever the pattern.
  std::vector<bool> select(const std::vector<std::string>& paths) const;

 private:
  std::string text_;
  std::optional<std::regex> regex_;
};

// Whether a name is t or ends in "." + t. A * in t stands for any characters of one part:
// "layer.*.output.dense" is the FFN's Linear alone, "self.query*" DeBERTa's query_proj and
// RoBERTa's query.
bool matches(std::string_view path, std::string_view target);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
