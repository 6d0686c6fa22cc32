#include "nn/checkpoint/torch_legacy.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "core/error.h"
#include "core/text.h"
#include "nn/checkpoint/torch_pickle.h"
#include "nn/checkpoint/torch_state_dict.h"

namespace soragrad::nn {
namespace {

using Kind = PickleValue::Kind;

// PROTO 2, LONG1 0x1950a86a20f9469cfc6c, STOP.
constexpr std::string_view kMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e",
                                  15);
constexpr int64_t kProtocol = 1001;

std::string_view text_of(const FileBytes& file) {
  return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

// The storages in the order of the key list, each found by its key.
std::vector<FileBytes> read_storages(const Pickle& pickle, const Pickle& keys,
                                     std::span<const std::byte> rest, const FileBytes& file) {
  const std::string& where = file.where;
  require(keys.top().kind == Kind::list && keys.top().items.size() == pickle.storages.size(),
          "[{}] lists {} storages, where its tensors use {}.", where, keys.top().items.size(),
          pickle.storages.size());
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < pickle.storages.size(); ++i) index.emplace(pickle.storages[i].key, i);
  std::vector<FileBytes> storages(pickle.storages.size());
  for (const uint32_t item : keys.top().items) {
    const std::string_view key = keys.values[item].text;
    const auto found = index.find(key);
    require(found != index.end(), "[{}] lists storage '{}' twice or without a tensor.", where,
            shown(key));
    const PickledStorage& storage = pickle.storages[found->second];
    int64_t numel = -1;
    if (rest.size() >= sizeof numel) std::memcpy(&numel, rest.data(), sizeof numel);
    rest = rest.subspan(std::min(rest.size(), sizeof numel));
    const auto bytes = static_cast<uint64_t>(storage.numel) * size_of(storage.dtype);
    require(numel == storage.numel && bytes <= rest.size(),
            "[{}] storage '{}' should have {} elements of {}, but says {} with {} bytes left; the "
            "file is cut off or damaged.",
            where, shown(key), storage.numel, name_of(storage.dtype), numel, rest.size());
    storages[found->second] = {rest.first(bytes), file.owner, where};
    rest = rest.subspan(bytes);
    index.erase(found);
  }
  require(rest.empty(), "[{}] has {} bytes after its last storage.", where, rest.size());
  return storages;
}

}  // namespace

bool is_torch_legacy(const FileBytes& file) {
  return text_of(file).starts_with(kMagic);
}

// Five pickles - magic, protocol, system, the state dict, the list of storage keys - and then the
// storages, each with its number of elements in front (torch.save before 1.6).
std::vector<StoredTensor> read_torch_legacy(const FileBytes& file) {
  require(is_torch_legacy(file), "[{}] does not begin as an old torch checkpoint.", file.where);
  std::span<const std::byte> rest = file.bytes.subspan(kMagic.size());
  const auto next = [&] {
    Pickle pickle = read_pickle(rest, file.where);
    rest = rest.subspan(pickle.size);
    return pickle;
  };
  const Pickle protocol = next();
  require(protocol.top().kind == Kind::integer && protocol.top().number == kProtocol,
          "[{}] has torch protocol {}; {} is known.", file.where, protocol.top().number, kProtocol);
  const Pickle system = next();
  const PickleValue* little = system.find(system.top(), "little_endian");
  require(little != nullptr && little->kind == Kind::boolean && little->number == 1,
          "[{}] was not saved on a little-endian machine; save it anew.", file.where);
  const Pickle pickle = next(), keys = next();
  return list_tensors(pickle, read_storages(pickle, keys, rest, file), file.where);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
