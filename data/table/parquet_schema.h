// The schema of a Parquet file: from the list of nodes in its footer to columns and leaves.
#pragma once

#include <span>
#include <string>

#include "data/table/parquet_metadata.h"

namespace soragrad::data::parquet {

// A node as the footer lists them, depth first; the first is the root.
struct SchemaNode {
  std::string name;
  int64_t type = -1;        // of leaves
  int64_t repetition = -1;  // 0 required, 1 optional, 2 repeated
  int64_t children = 0;
  int64_t converted = -1;
  bool is_decimal = false;
};

// Columns and leaves. Throws "[path] ..." if the nodes are no tree.
Metadata read_schema(std::span<const SchemaNode> nodes, std::string_view path);

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
