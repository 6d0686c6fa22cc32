// The standard streams. Lines for people go to stderr and can never end a run; results go to stdout
// and must arrive.
#pragma once

#include <functional>
#include <string_view>

namespace soragrad {

// To be called first in main(). Standard descriptors that are closed at the start are opened on
// /dev/null in the wrong direction, so that no file of the program gets their numbers and a use of
// them fails. A dead reader and a limit on file sizes become errors of write(2) instead of signals.
void protect_standard_streams();

// One line on stderr: control characters are masked, a line end is added. What stderr does not take
// (it is closed, full, or its reader is dead) is lost without a word.
void log_line(std::string_view line) noexcept;

// Whether log lines and texts are dropped: in all but the first of several processes.
void set_log_muted(bool muted) noexcept;

// The text on stderr as it is: tables of several lines, lines that rewrite themselves.
void log_text(std::string_view text) noexcept;

// The text on stdout, at once. Throws if it is not taken whole.
void write_output(std::string_view text);

// Where a verb prints its results: write_output, or log_text inside of `table`.
using Output = std::function<void(std::string_view text)>;

// Columns of the terminal that a stream is connected to; 0 if it is none.
int terminal_columns(int descriptor);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
