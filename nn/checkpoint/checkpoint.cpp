#include "nn/checkpoint/checkpoint.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <system_error>

#include "core/error.h"
#include "core/text.h"
#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/shard_index.h"
#include "nn/checkpoint/torch_legacy.h"
#include "nn/checkpoint/torch_pickle.h"
#include "nn/checkpoint/torch_zip.h"

namespace soragrad::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndexEnding = ".index.json";

// torch before 0.1.10 wrote tar archives; the mark is at byte 257 of their first header.
bool is_tar(const FileBytes& file) {
  constexpr std::string_view kMark = "ustar";
  if (file.bytes.size() < 512) return false;
  return std::equal(kMark.begin(), kMark.end(), file.bytes.begin() + 257,
                    [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
}

bool is_safetensors(const FileBytes& file) {
  return file.bytes.size() > 8 && (file.bytes[8] == std::byte{'{'} ||
                                   file.bytes[8] == std::byte{0xef});  // of a byte order mark
}

// A pickle begins with its protocol; the oldest have none and mostly begin with a global or a mark.
bool is_pickle(const FileBytes& file) {
  constexpr std::string_view kFirst =
      "\x80"
      "c(";
  return !file.bytes.empty() && kFirst.find(static_cast<char>(file.bytes[0])) != kFirst.npos;
}

Safetensors read_file(const fs::path& path) {
  const FileBytes file = map_file(path);
  if (is_torch_zip(file)) return {{}, read_torch_zip(file)};
  if (is_torch_legacy(file)) return {{}, read_torch_legacy(file)};
  require(!is_tar(file), "[{}] is a tar archive of a torch older than 0.1.10; save it anew.",
          file.where);
  const fs::path ending = path.extension();
  if (!is_safetensors(file) && (ending == ".bin" || ending == ".pt" || ending == ".pth")) {
    // Reading names what a hostile pickle wants to run; a harmless one is no checkpoint either.
    if (is_pickle(file)) read_pickle(file.bytes, file.where);
    fail("[{}] is no torch checkpoint: neither a zip archive nor the older form.", file.where);
  }
  return read_safetensors(file);
}

std::vector<StoredTensor> read_shards(const fs::path& index_path) {
  const FileBytes index = map_file(index_path);
  const ShardMap map = read_shard_index(index);
  std::map<std::string_view, std::string_view> names_of_shards;  // sorted: each shard once
  for (const auto& [name, shard] : map) names_of_shards.emplace(shard, name);
  std::vector<StoredTensor> result;
  for (const auto& [shard, first_name] : names_of_shards) {
    const std::string shard_name(shard);
    const fs::path folder = index_path.has_parent_path() ? index_path.parent_path() : ".";
    Safetensors file = read_file(shard_path(folder, shard_name, index.where));
    for (const StoredTensor& tensor : file.tensors) {
      const auto listed = map.find(tensor.name);
      require(listed != map.end(), "[{}] does not list '{}', which the shard '{}' holds.",
              index.where, shown(tensor.name), shown(shard));
      require(listed->second == shard, "[{}] puts '{}' into '{}', but '{}' holds it.", index.where,
              shown(tensor.name), shown(listed->second), shown(shard));
    }
    std::move(file.tensors.begin(), file.tensors.end(), std::back_inserter(result));
  }
  if (result.size() == map.size()) return result;
  // Each tensor found is listed for its shard and no shard has one twice: some are missing.
  std::unordered_map<std::string_view, bool> found;
  for (const StoredTensor& tensor : result) found[tensor.name] = true;
  for (const auto& [name, shard] : map) {
    require(found.contains(name), "[{}] puts '{}' into '{}', which lacks it.", index.where,
            shown(name), shown(shard));
  }
  return result;
}

}  // namespace

Checkpoint::Checkpoint(std::vector<StoredTensor> tensors, Metadata metadata, std::string where)
    : tensors_(std::move(tensors)), metadata_(std::move(metadata)), where_(std::move(where)) {
  index_.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    tensors_[i].name = current_name(tensors_[i].name);
    require(index_.emplace(tensors_[i].name, i).second,
            "[{}] has '{}' twice (gamma and beta are read as weight and bias).", where_,
            shown(tensors_[i].name));
  }
}

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const StoredTensor& Checkpoint::at(std::string_view name) const {
  const StoredTensor* tensor = find(name);
  require(tensor != nullptr, "[{}] has no tensor '{}'.", where_, shown(name));
  return *tensor;
}

std::optional<MappedBytes> Checkpoint::mapped(std::string_view name, DType dtype) const {
  const StoredTensor& tensor = at(name);
  tensor.require_loadable();
  const bool is_aligned = reinterpret_cast<uintptr_t>(tensor.bytes.data()) % size_of(dtype) == 0;
  if (*tensor.dtype != dtype || !tensor.contiguous() || !is_aligned) return std::nullopt;
  return MappedBytes{tensor.bytes, tensor.owner};
}

namespace {

// "; it has tf_model.h5, which is not read": of the first such file of a folder without weights.
std::string others_in(const fs::path& folder) {
  constexpr std::string_view kEndings[] = {".h5", ".msgpack", ".gguf", ".onnx",
                                           ".pt", ".ckpt",    ".bin",  ".safetensors"};
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
    if (std::ranges::any_of(kEndings, ends)) names.push_back(name);
  }
  if (names.empty()) return "";
  return fmt::format("; it has {}, which is not read", shown(*std::ranges::min_element(names)));
}

}  // namespace

fs::path weights_file(const fs::path& folder) {
  std::error_code error;
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    if (fs::exists(folder / name, error)) return folder / name;
  }
  return {};
}

Checkpoint open_checkpoint(const fs::path& file_or_folder) {
  fs::path path = file_or_folder;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    path = weights_file(file_or_folder);
    require(!path.empty(),
            "[{}] holds no weights: neither model.safetensors nor pytorch_model.bin, whole or in "
            "shards with their index.json{}.",
            shown(file_or_folder.string()), others_in(file_or_folder));
  }
  std::string where = shown(path.string());
  if (path.filename().string().ends_with(kIndexEnding)) {
    return Checkpoint(read_shards(path), {}, std::move(where));
  }
  Safetensors file = read_file(path);
  return Checkpoint(std::move(file.tensors), std::move(file.metadata), std::move(where));
}

std::string current_name(std::string_view name) {
  std::string result(name);
  const size_t last = name.rfind('.');
  if (last == name.npos) return result;
  const std::string_view leaf = name.substr(last + 1);
  if (leaf != "gamma" && leaf != "beta") return result;
  const std::string_view above = name.substr(0, last);
  const std::string parent = ascii_lower(above.substr(above.rfind('.') + 1));  // npos + 1 is 0
  if (parent.find("norm") == parent.npos) return result;
  result.resize(last + 1);
  return result += leaf == "gamma" ? "weight" : "bias";
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
