// What the program prints for an exception.
#pragma once

#include <exception>
#include <string>

namespace soragrad::cli {

// One line of at most kMessageBytes: the message of an Error; for exceptions of the standard
// library and of the JSON library the file and the reason in our words.
std::string error_text(const std::exception& error);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
