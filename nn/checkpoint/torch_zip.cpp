#include "nn/checkpoint/torch_zip.h"

#include <cstring>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "nn/checkpoint/torch_pickle.h"
#include "nn/checkpoint/torch_state_dict.h"
#include "nn/checkpoint/zip_directory.h"

namespace soragrad::nn {
namespace {

// ROOT/ of the one member ROOT/data.pkl; its name is the stem of the file when it was saved.
std::string find_root(const ZipDirectory& zip, const std::string& where) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string root;
  for (const auto& [name, member] : zip.members()) {
    if (!name.ends_with(kPickle) || name.find('/') != name.size() - kPickle.size()) continue;
    require(root.empty(), "[{}] holds both '{}data.pkl' and '{}'; which is meant is unclear.",
            where, shown(root), shown(name));
    root = name.substr(0, name.size() - kPickle.size() + 1);
  }
  require(!root.empty(), "[{}] is a zip archive without data.pkl; it is no torch checkpoint.",
          where);
  return root;
}

}  // namespace

bool is_torch_zip(const FileBytes& file) {
  return file.bytes.size() >= 4 && std::memcmp(file.bytes.data(), "PK\3\4", 4) == 0;
}

std::vector<StoredTensor> read_torch_zip(const FileBytes& file) {
  ZipDirectory zip(file);
  const std::string root = find_root(zip, file.where);
  if (zip.members().contains(root + "byteorder")) {
    const FileBytes order = zip.read(root + "byteorder");
    const std::string_view text(reinterpret_cast<const char*>(order.bytes.data()),
                                order.bytes.size());
    require(text == "little", "[{}] has byte order '{}'; only little is supported.", file.where,
            shown(text));
  }
  const FileBytes pickled = zip.read(root + "data.pkl");
  const Pickle pickle = read_pickle(pickled.bytes, file.where);
  std::vector<FileBytes> storages;
  storages.reserve(pickle.storages.size());
  for (const PickledStorage& storage : pickle.storages) {
    storages.push_back(zip.read(root + "data/" + std::string(storage.key)));
  }
  return list_tensors(pickle, storages, file.where);
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
