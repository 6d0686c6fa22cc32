#include "data/table/parquet_schema.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data::parquet {
namespace {

constexpr int kMaxSchemaDepth = 32;
constexpr int64_t kOptional = 1, kRepeated = 2;
constexpr int64_t kTypes = 8;
constexpr size_t kMaxPathBytes = size_t{1} << 24;

// Walks over the nodes and adds leaves.
class SchemaWalk {
 public:
  SchemaWalk(std::span<const SchemaNode> nodes, std::string_view path, Metadata& metadata)
      : nodes_(nodes), path_(path), metadata_(metadata) {}

  void run() {
    require(!nodes_.empty() && nodes_[0].children >= 0,
            "[{}] not a sound Parquet file: it has no schema.", path_);
    next_ = 1;
    std::unordered_set<std::string_view> names;
    for (int64_t i = 0; i < nodes_[0].children; ++i) {
      require(next_ < nodes_.size(), "[{}] not a sound Parquet file: its schema ends early.",
              path_);
      const SchemaNode& node = nodes_[next_];
      require(names.insert(node.name).second, "[{}] the column {} occurs twice.", path_,
              quote(node.name));
      SchemaColumn column{.name = node.name, .first_leaf = metadata_.leaves.size()};
      visit(Leaf{.column = metadata_.columns.size()}, 1);
      column.leaves = metadata_.leaves.size() - column.first_leaf;
      if (column.leaves == 1) {
        const Leaf& leaf = metadata_.leaves.back();
        column.is_flat = leaf.max_repetition == 0 && leaf.path == node.name;
        column.is_list = leaf.max_repetition == 1;
      }
      metadata_.columns.push_back(std::move(column));
    }
    require(next_ == nodes_.size(), "[{}] not a sound Parquet file: {} schema nodes too many.",
            path_, nodes_.size() - next_);
  }

 private:
  // The node at next_, below the path and levels of `above`.
  void visit(Leaf above, int depth) {
    require(next_ < nodes_.size() && depth <= kMaxSchemaDepth,
            "[{}] not a sound Parquet file: its schema is no tree of at most {} levels.", path_,
            kMaxSchemaDepth);
    const SchemaNode& node = nodes_[next_++];
    require(node.repetition >= 0 && node.repetition <= kRepeated,
            "[{}] not a sound Parquet file: {} has repetition {}.", path_, quote(node.name),
            node.repetition);
    above.path += (above.path.empty() ? "" : ".") + node.name;
    if (node.repetition == kRepeated) {
      if (above.max_repetition++ == 0) above.list_definition = above.max_definition;
    }
    above.max_definition += node.repetition != 0;
    if (node.children > 0) {
      for (int64_t i = 0; i < node.children; ++i) visit(above, depth + 1);
      return;
    }
    require(node.children == 0 && node.type >= 0 && node.type < kTypes,
            "[{}] not a sound Parquet file: column {} has physical type {}, unknown.", path_,
            quote(above.path), node.type);
    above.type = node.type;
    above.converted = node.converted;
    above.is_decimal = node.is_decimal;
    // Every leaf repeats the names above it, so a small schema could fill the memory.
    path_bytes_ += above.path.size();
    require(path_bytes_ <= kMaxPathBytes, "[{}] names of columns of more than {} bytes.", path_,
            kMaxPathBytes);
    metadata_.leaves.push_back(std::move(above));
  }

  std::span<const SchemaNode> nodes_;
  std::string_view path_;
  Metadata& metadata_;
  size_t next_ = 0, path_bytes_ = 0;
};

}  // namespace

Metadata read_schema(std::span<const SchemaNode> nodes, std::string_view path) {
  Metadata metadata;
  SchemaWalk(nodes, path, metadata).run();
  return metadata;
}

std::vector<ClassNames> read_class_names(std::string_view text) {
  using nlohmann::json;
  constexpr size_t kMaxBytes = size_t{1} << 24;
  constexpr int kMaxJsonDepth = 64;
  std::vector<ClassNames> result;
  if (text.empty() || text.size() > kMaxBytes) return result;
  int deepest = 0;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    deepest = std::max(deepest, depth);
    return depth <= kMaxJsonDepth;
  };
  const json root = json::parse(text, watch, false);
  if (!root.is_object() || deepest > kMaxJsonDepth) return result;
  const auto member = [](const json& object, const char* key) -> const json& {
    static const json kNone;
    return object.is_object() && object.contains(key) ? object.at(key) : kNone;
  };
  const json& features = member(member(root, "info"), "features");
  if (!features.is_object()) return result;
  for (const auto& [column, feature] : features.items()) {
    // A sequence of ClassLabels keeps them one level deeper; early `datasets` wrote it as a list.
    const json* names = &member(feature, "names");
    if (!names->is_array()) names = &member(member(feature, "feature"), "names");
    if (feature.is_array() && feature.size() == 1) names = &member(feature[0], "names");
    if (!names->is_array() || names->empty()) continue;
    ClassNames classes{column, {}};
    for (const json& name : *names) {
      if (name.is_string()) classes.names.push_back(name.get<std::string>());
    }
    if (classes.names.size() == names->size()) result.push_back(std::move(classes));
  }
  return result;
}

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
