// Files for the tests of nn/checkpoint: zip archives, pickles and safetensors files composed byte
// by byte, so that each part can be made wrong.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "nn/checkpoint/checkpoint.h"
#include "tests/files.h"

namespace soragrad::nn::test {

using namespace soragrad::test;

// Little-endian bytes of a number.
template <typename T>
std::string le(T number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

// Bytes of an array.
template <typename T>
std::string raw(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

inline std::string safetensors(std::string_view json, std::string_view data) {
  return le<uint64_t>(json.size()).append(json).append(data);
}

// Numbers of a tensor as T, in row-major order.
template <typename T>
std::vector<T> numbers(const Checkpoint& checkpoint, std::string_view name) {
  std::vector<T> result(static_cast<size_t>(checkpoint.at(name).numel()));
  checkpoint.copy_to(name, std::span<T>(result));
  return result;
}

// Pickle opcodes, protocol 2.
namespace pickle {
inline std::string text(std::string_view value) {
  return std::string("X") + le(static_cast<uint32_t>(value.size())) + std::string(value);
}
inline std::string integer(int32_t value) {
  return std::string("J") + le(value);
}
inline std::string global(std::string_view module, std::string_view name) {
  return std::string("c") + std::string(module) + "\n" + std::string(name) + "\n";
}
inline std::string tuple(const std::string& items) {
  return std::string("(") + items + "t";
}
inline std::string call(const std::string& callee, const std::string& arguments) {
  return callee + tuple(arguments) + "R";
}
inline std::string numbers(const std::vector<int32_t>& values) {
  std::string items;
  for (const int32_t value : values) items += integer(value);
  return tuple(items);
}
inline std::string ordered_dict(const std::string& items) {
  return call(global("collections", "OrderedDict"), "") + "(" + items + "u";
}
inline std::string storage(std::string_view type, std::string_view key, int32_t numel,
                           const std::string& view = "") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + integer(numel) +
               view) +
         "Q";
}
inline std::string tensor(const std::string& storage, int32_t offset,
                          const std::vector<int32_t>& sizes, const std::vector<int32_t>& strides) {
  return call(
      global("torch._utils", "_rebuild_tensor_v2"),
      storage + integer(offset) + numbers(sizes) + numbers(strides) + "\x89" + ordered_dict(""));
}
inline std::string whole(const std::string& value) {
  return std::string("\x80\x02") + value + ".";
}
}  // namespace pickle

// A zip archive whose fields can be overridden.
struct ZipMember {
  std::string name, data;
  uint16_t flags = 0x0808;  // as torch: sizes only in the directory
  uint16_t method = 0;
  int64_t size = -1, compressed = -1, offset = -1;  // -1: the true ones
  std::string local_name = {};                      // empty: as name
};

inline std::string zip(const std::vector<ZipMember>& members, std::string_view comment = "",
                       int entries = -1) {
  std::string body, directory;
  for (const ZipMember& member : members) {
    const std::string& local = member.local_name.empty() ? member.name : member.local_name;
    const auto size = static_cast<uint32_t>(member.data.size());
    const auto offset = static_cast<uint32_t>(member.offset < 0 ? body.size() : member.offset);
    const auto extra = std::string("FB") + le<uint16_t>(3) + "ZZZ";  // torch's padding
    const std::string rest = le(member.flags) + le(member.method) + std::string(8, '\0');
    body += std::string("PK\3\4") + le<uint16_t>(20) + rest + std::string(8, '\0') +
            le(static_cast<uint16_t>(local.size())) + le(static_cast<uint16_t>(extra.size())) +
            local + extra + member.data;
    directory += std::string("PK\1\2") + le<uint32_t>(20) + rest +
                 le(static_cast<uint32_t>(member.compressed < 0 ? size : member.compressed)) +
                 le(static_cast<uint32_t>(member.size < 0 ? size : member.size)) +
                 le(static_cast<uint16_t>(member.name.size())) + std::string(12, '\0') +
                 le(offset) + member.name;
  }
  const auto count = static_cast<uint16_t>(entries < 0 ? members.size() : entries);
  return body + directory + "PK\5\6" + std::string(4, '\0') + le(count) + le(count) +
         le(static_cast<uint32_t>(directory.size())) + le(static_cast<uint32_t>(body.size())) +
         le(static_cast<uint16_t>(comment.size())) + std::string(comment);
}

inline const std::string kLegacyMagic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                                      15);
inline const std::string kLegacySystem =
    pickle::whole(std::string("}") + pickle::text("little_endian") + "\x88s");

// The old form: state is one pickle value, storages are keys with their bytes and element sizes.
struct LegacyStorage {
  std::string key, data;
  int64_t numel;
};
inline std::string legacy(const std::string& state, const std::vector<LegacyStorage>& storages,
                          const std::string& system = kLegacySystem) {
  std::string keys = "](", data;
  for (const LegacyStorage& storage : storages) {
    keys += pickle::text(storage.key);
    data += le(storage.numel) + storage.data;
  }
  return kLegacyMagic + pickle::whole(std::string("M") + le<uint16_t>(1001)) + system +
         pickle::whole(state) + pickle::whole(keys + "e") + data;
}

}  // namespace soragrad::nn::test

// SPDX-License-Identifier: Apache-2.0
