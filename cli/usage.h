// What the program says about a command line that it cannot read.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace soragrad::cli {

// Throws UsageError, with the nearest verb, if the first word is neither a verb nor an option.
void check_verb(const CLI::App& app, int argc, char** argv);

// The parser's message with what to write instead: for names of other programs, keys written as
// options (`--learning_rate 1`) and options written as keys (`eval model=m`).
std::string usage_text(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
