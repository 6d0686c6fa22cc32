// Files whose size and SHA-256 are known beforehand, so that a changed or damaged copy is refused
// whatever a server tells.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace soragrad::cli {

struct PinnedFile {
  std::string_view path;
  int64_t bytes;
  std::string_view sha256;
};

struct PinnedModel {
  std::string_view short_name;  // what people type: "deberta-v3-base"
  std::string_view name;        // on the Hub
  std::string_view revision;    // the commit that the pins belong to; empty: main, no pins
  std::span<const PinnedFile> files;
};

std::span<const PinnedModel> pinned_models();
// By short or full name; null if the name is not known.
const PinnedModel* find_pinned_model(std::string_view name);

// The GLUE data sets as Parquet: TASK/SPLIT-00000-of-00001.parquet.
std::span<const PinnedFile> pinned_glue();

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
