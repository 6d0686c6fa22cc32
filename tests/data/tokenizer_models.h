// Tokenizer files small enough to work out ids by hand, and the real ones among the shared files.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/tokenizer.h"
#include "tests/files.h"

namespace soragrad::data {

using Ids = std::vector<int32_t>;

// Protobuf fields.
inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}
inline std::string number_field(int field, uint64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(value);
}
inline std::string bytes_field(int field, std::string_view value) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(value.size()) + std::string(value);
}
inline std::string float_field(int field, float value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return varint(static_cast<uint64_t>(field) << 3 | 5) + bytes;
}

inline void append_u32(std::string& bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> 8 * i));
}

// A charsmap in SentencePiece's layout: one trie node after the other, at the first free offset.
class CharsmapBuilder {
 public:
  explicit CharsmapBuilder(const std::map<std::string, std::string>& rules) {
    std::map<std::string, uint32_t> values;
    for (const auto& [key, replacement] : rules) {
      values[key] = static_cast<uint32_t>(replacements_.size());
      replacements_.append(replacement).push_back('\0');
    }
    units_[0] = 0;
    place(values, 0, 0);
  }

  std::string blob() const {
    const size_t size = (units_.rbegin()->first / 256 + 1) * 256;
    std::string bytes;
    append_u32(bytes, static_cast<uint32_t>(4 * size));
    for (uint32_t i = 0; i < size; ++i) {
      append_u32(bytes, units_.contains(i) ? units_.at(i) : 0);
    }
    return bytes + replacements_;
  }

 private:
  // Lays out the node at `position` that holds these keys, whose prefix is already consumed.
  void place(const std::map<std::string, uint32_t>& keys, uint32_t position, uint32_t label) {
    std::map<uint8_t, std::map<std::string, uint32_t>> children;
    const uint32_t* value = nullptr;
    for (const auto& [key, id] : keys) {
      if (key.empty()) {
        value = &id;
      } else {
        children[static_cast<uint8_t>(key[0])][key.substr(1)] = id;
      }
    }
    uint32_t offset = 1;
    const auto is_free = [&](uint32_t base) {
      if (bases_.contains(base) || (value != nullptr && units_.contains(base))) return false;
      for (const auto& [byte, rest] : children) {
        if (units_.contains(base ^ byte)) return false;
      }
      return true;
    };
    while (!is_free(position ^ offset)) ++offset;
    const uint32_t base = position ^ offset;
    bases_.insert(base);
    units_[position] = offset << 10 | label | (value != nullptr ? 1u << 8 : 0u);
    if (value != nullptr) units_[base] = *value | 1u << 31;
    for (const auto& [byte, rest] : children) units_[base ^ byte] = 0;
    for (const auto& [byte, rest] : children) place(rest, base ^ byte, byte);
  }

  std::map<uint32_t, uint32_t> units_;
  std::set<uint32_t> bases_;
  std::string replacements_;
};

struct SmallPiece {
  std::string text;
  float score;
  int type;
};

// [PAD] [CLS] [SEP] [UNK], 256 byte pieces from 4 on, and from 260 on pieces of a, b and c.
inline std::vector<SmallPiece> small_pieces() {
  std::vector<SmallPiece> pieces{
      {"[PAD]", 0, 3}, {"[CLS]", 0, 3}, {"[SEP]", 0, 3}, {"[UNK]", 0, 2}};
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    pieces.push_back({std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0, 6});
  }
  pieces.insert(pieces.end(), {{"\u2581", -2, 1},
                               {"a", -3, 1},
                               {"b", -3, 1},
                               {"ab", -4, 1},
                               {"\u2581a", -3.5, 1},
                               {"\u2581ab", -7.5, 1},
                               {"c", -3, 1}});
  return pieces;
}
constexpr int32_t kSpace = 260, kA = 261, kB = 262, kAb = 263, kSpaceA = 264, kC = 266, kMask = 267;

inline std::string small_charsmap() {
  return CharsmapBuilder({{"\u00A0", " "}, {"\u200B", " "}, {"\uFF42", "b"}, {"a\u0301", "c"}})
      .blob();
}

inline std::string spm_model(const std::vector<SmallPiece>& pieces, std::string_view charsmap,
                             bool byte_fallback = true) {
  std::string bytes;
  for (const SmallPiece& piece : pieces) {
    bytes += bytes_field(1, bytes_field(1, piece.text) + float_field(2, piece.score) +
                                number_field(3, static_cast<uint64_t>(piece.type)));
  }
  bytes +=
      bytes_field(2, number_field(3, 1) + number_field(35, byte_fallback) + number_field(40, 3));
  return bytes + bytes_field(3, bytes_field(1, "nmt_nfkc") + bytes_field(2, charsmap));
}

inline void write_config(const test::TemporaryFolder& folder, std::string_view model_type) {
  folder.write("config.json", "{\"model_type\": \"" + std::string(model_type) + "\"}");
}

inline void write_small_deberta(const test::TemporaryFolder& folder) {
  write_config(folder, "deberta-v2");
  folder.write("spm.model", spm_model(small_pieces(), small_charsmap()));
}

// The real tokenizer files of a model type, as a model folder; nothing where they are absent.
inline std::optional<std::filesystem::path> real_tokenizer(const test::TemporaryFolder& folder,
                                                           const std::string& kind) {
  const std::string name = kind == "deberta"   ? "deberta_v3"
                           : kind == "roberta" ? "gpt2_roberta"
                                               : "bert_uncased";
  const auto files = test::shared_path("data/tokenizers/" + name);
  if (!files) return std::nullopt;
  const std::filesystem::path target = folder / kind;
  std::filesystem::create_directories(target);
  for (const auto& entry : std::filesystem::directory_iterator(*files)) {
    std::filesystem::create_symlink(std::filesystem::absolute(entry.path()),
                                    target / entry.path().filename());
  }
  if (!std::filesystem::exists(target / "config.json")) {
    folder.write(kind + "/config.json", "{\"model_type\": \"" + kind + "\"}");
  }
  return target;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
