// `soragrad tokenize`: lines of text in, lines of ids out.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "core/console.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::cli {

struct TokenizeOptions {
  std::string model;                  // --model: a model folder
  std::string mode;                   // --mode: slow, fast or empty for the model's default
  std::optional<int64_t> max_length;  // --max-length
};

// Tokenizes standard input to standard output; returns the exit code. Throws Error, and UsageError
// for a mode or a max_length that cannot be.
int tokenize_main(const TokenizeOptions& options);

// One line of ids for each line of `in`. Only LF ends a line; the first TAB separates a pair.
// max_length 0 truncates nothing; `print` takes the lines in order, many at once.
void tokenize_lines(const data::Tokenizer& tokenizer, int max_length, std::FILE* in,
                    const Output& print);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
