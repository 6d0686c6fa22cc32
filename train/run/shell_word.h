// Text as a word of a POSIX shell's command line.
#pragma once

#include <string>

namespace soragrad::train {

// The text itself if the shell takes it as it is, else in single quotes.
std::string shell_word(const std::string& text);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
