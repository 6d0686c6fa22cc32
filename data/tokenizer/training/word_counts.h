// How often each word occurs in a corpus, in bounded memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace soragrad::data {

// Cuts a line into words and calls visit(word) for each.
using WordVisitor = std::function<void(std::string_view word)>;
using WordSplitter = std::function<void(std::string_view line, const WordVisitor& visit)>;

struct WordCount {
  std::string word;
  int64_t count = 0;
};

// The words of all files of the list (paths, globs, commas; .txt or .xz), most frequent first, ties
// by bytes. Beyond some millions of different words those that came once so far are forgotten.
// Words longer than 256 bytes are left out. Throws where a file cannot be read or none has a word.
std::vector<WordCount> count_words(const std::string& files, const WordSplitter& split);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
