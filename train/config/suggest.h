// Did you mean: the known name nearest to one that is not known.
#pragma once

#include <span>
#include <string_view>

namespace soragrad::train {

// Number of insertions, deletions, replacements and swaps of neighbours between two words
// (optimal string alignment; Damerau, 1964). Linear memory; meant for short names.
int edit_distance(std::string_view a, std::string_view b);

// The nearest of the names, or empty where none is near enough: at most a third of the word's
// letters, or 2, may differ, unless one of the two contains the other.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
