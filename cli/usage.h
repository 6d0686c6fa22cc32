// What the program says about a command line that it cannot read.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <string_view>

namespace soragrad::cli {

// The words of eval, predict and trace that are keys of own data.
constexpr const char* kOwnKeys = "OWN-KEYS";

// Whether the verb has an option for the key of a word `key=value`, which is to be used instead;
// `data` is both.
bool has_option_for(const CLI::App& verb, std::string_view word);

// Throws UsageError, with the nearest verb, if the first word is neither a verb nor an option.
void check_verb(const CLI::App& app, int argc, char** argv);

// The parser's message with what to write instead: for names of other programs, keys written as
// options (`--learning_rate 1`) and options written as keys (`eval model=m`).
std::string usage_text(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
