// The text of --help: lines that fit, and two examples of each verb.
#pragma once

#include <string>
#include <string_view>

namespace soragrad::cli {

// Two command lines under a heading; empty if the verb has none. The program itself is "".
std::string examples(std::string_view verb);

// Breaks lines of more than `columns` at blanks; what follows is indented as the line's second
// column is, or as its beginning.
std::string wrapped(std::string_view text, size_t columns);

// Columns of a help text on this stdout: the terminal's, at most 100, or 100.
size_t help_columns();

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
