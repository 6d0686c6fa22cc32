#include "nn/checkpoint/shard_index.h"

#include <system_error>

#include "core/error.h"
#include "core/json_events.h"
#include "core/text.h"
#include "nn/checkpoint/stored_tensor.h"

namespace soragrad::nn {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIndex = 100'000'000;
constexpr int kMaxDepth = 32;

// Takes the texts of weight_map; everything beside it may hold anything, down to some depth.
class IndexEvents : public JsonEvents {
 public:
  using JsonEvents::JsonEvents;

  ShardMap shards;
  bool has_map = false;

  bool null() override { return in_map_ ? refuse("null") : other("null"); }
  bool boolean(bool) override { return other("a boolean"); }
  bool number_integer(int64_t) override { return other("a number"); }
  bool number_unsigned(uint64_t) override { return other("a number"); }
  bool number_float(double, const std::string&) override { return other("a number"); }
  bool string(std::string& text) override {
    if (!in_map_ || depth_ != 2) return other("a string");
    require(shards.size() < kMaxTensors && text.size() <= kMaxNameBytes,
            "[{}] lists more than {} tensors, or a file name of more than {} bytes.", where_,
            kMaxTensors, kMaxNameBytes);
    shards[name_] = text;
    return true;
  }
  bool start_array(size_t) override { return open("an array"); }
  bool start_object(size_t) override {
    if (depth_ == 1 && key_ == "weight_map") {
      in_map_ = has_map = true;
      ++depth_;
      return true;
    }
    return depth_ == 0 ? ++depth_, true : open("an object");
  }
  bool end_array() override { return --depth_, true; }
  bool end_object() override {
    if (--depth_ == 1) in_map_ = false;
    return true;
  }
  bool key(std::string& key) override {
    require(key.size() <= kMaxNameBytes, "[{}] has a name of {} bytes; at most {}.", where_,
            key.size(), kMaxNameBytes);
    if (depth_ == 1) {
      require(key != "weight_map" || !has_map, "[{}] has 'weight_map' twice.", where_);
      key_ = key;
    } else if (in_map_) {
      name_ = key;
      require(!shards.contains(name_), "[{}] has '{}' twice; keys must be unique.", where_,
              shown(name_));
    }
    return true;
  }

 protected:
  std::string place() const override {
    return depth_ == 0 ? "the index" : fmt::format("'{}'", shown(in_map_ ? name_ : key_));
  }

 private:
  bool other(const char* what) const {
    return depth_ == 0 || in_map_ || key_ == "weight_map" ? refuse(what) : true;
  }
  bool open(const char* what) {
    other(what);
    require(++depth_ <= kMaxDepth, "[{}] nests deeper than {} levels.", where_, kMaxDepth);
    return true;
  }

  int depth_ = 0;
  bool in_map_ = false;
  std::string key_, name_;  // the current keys of the index and of its map
};

}  // namespace

ShardMap read_shard_index(const FileBytes& file) {
  require(file.bytes.size() <= kMaxIndex, "[{}] has {} bytes; an index has at most {}.", file.where,
          file.bytes.size(), kMaxIndex);
  IndexEvents events(file.where);
  parse_json_events(file.text(), events);
  require(events.has_map, "[{}] has no 'weight_map'; it is no index of shards.", file.where);
  return std::move(events.shards);
}

fs::path shard_path(const fs::path& folder, const std::string& shard, const std::string& where) {
  const bool is_plain = !shard.empty() && shard != "." && shard != ".." &&
                        shard.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
  require(is_plain, "[{}] names the shard '{}'; shards must lie in the index's own folder.", where,
          shown(shard));
  fs::path path = folder / shard;
  std::error_code error;
  require(fs::exists(path, error), "[{}] names the shard '{}', which is missing.", where,
          shown(shard));
  const fs::path home = fs::canonical(folder, error), real = fs::canonical(path, error);
  // huggingface_hub's cache: snapshots/REVISION/FILE is a link to blobs/HASH.
  const fs::path blobs = home.parent_path().parent_path() / "blobs";
  const bool is_cached =
      home.parent_path().filename() == "snapshots" && real.parent_path() == blobs;
  require(real.parent_path() == home || is_cached,
          "[{}] names the shard '{}', a link to {}; shards must lie in the index's own folder.",
          where, shown(shard), shown(real.string()));
  return path;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
