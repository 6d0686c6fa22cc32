// Extended grapheme clusters (Unicode Annex 29, version 16, as crate unicode-segmentation 1.12):
// the unit by which the fast DeBERTaV3 tokenizer applies the rules of its charsmap.
#pragma once

#include <cstddef>
#include <string_view>

namespace soragrad::data {

// The end of the cluster that begins at text[begin]. `text` is valid UTF-8, begin < text.size(),
// and `begin` must be a cluster boundary.
size_t grapheme_end(std::string_view text, size_t begin);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
