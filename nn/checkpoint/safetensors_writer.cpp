#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "nn/checkpoint/safetensors.h"

namespace soragrad::nn {

SafetensorsWriter::SafetensorsWriter(Metadata metadata) : metadata_(std::move(metadata)) {}

void SafetensorsWriter::add(std::string_view name, DType dtype, std::span<const int64_t> sizes,
                            std::span<const std::byte> bytes) {
  const std::optional<int64_t> numel = checked_numel(sizes);
  require(numel && static_cast<uint64_t>(*numel) == bytes.size() / size_of(dtype) &&
              bytes.size() % size_of(dtype) == 0,
          "[safetensors] '{}' {} of {} does not fill {} bytes.", name, to_text(sizes),
          name_of(dtype), bytes.size());
  Item item{dtype, {sizes.begin(), sizes.end()}, bytes};
  const bool added = items_.emplace(std::string(name), std::move(item)).second;
  require(added && name != "__metadata__", "[safetensors] '{}' is taken; choose another name.",
          name);
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  using Json = nlohmann::ordered_json;
  std::vector<const std::pair<const std::string, Item>*> order;  // by name, as the map is
  for (const auto& item : items_) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype) > size_of(b->second.dtype);
  });

  Json header = Json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const auto& [name, item] = *entry;
    header[name] = {{"dtype", name_of(item.dtype)},
                    {"shape", item.sizes},
                    {"data_offsets", {offset, offset + item.bytes.size()}}};
    offset += item.bytes.size();
  }
  std::string text = json_text(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data begins at a multiple of 8

  AtomicFile file(path);
  const uint64_t size = text.size();
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(text);
  for (const auto* entry : order) file.write(entry->second.bytes);
  file.commit();
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
