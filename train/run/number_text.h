// Numbers as the files and lines of a run show them.
#pragma once

#include <string>

namespace soragrad::train {

// A JSON number with 9 significant digits, enough to tell any two floats apart; null if the value
// is not finite.
std::string json_number(double value);

// For a message: as fmt writes it, but NaN has no sign, for the sign that processors give it means
// nothing.
std::string number_text(double value);

// "1:02:03", "4:05", "12 s".
std::string duration_text(double seconds);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
