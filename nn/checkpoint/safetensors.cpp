#include "nn/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <unordered_set>

#include "core/error.h"
#include "core/json_events.h"
#include "core/text.h"

namespace soragrad::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "weights are read in place");

constexpr uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit
constexpr size_t kMaxStoredRank = 64;         // bounds a hostile header

// The format's types. Those without a DType are known by their size, but cannot be loaded.
struct TypeInfo {
  std::string_view name;
  size_t size;
  std::optional<DType> dtype;
};
constexpr TypeInfo kTypes[] = {
    {"F64", 8, DType::f64},      {"F32", 4, DType::f32},   {"F16", 2, DType::f16},
    {"BF16", 2, DType::bf16},    {"I64", 8, DType::i64},   {"I32", 4, DType::i32},
    {"I16", 2, DType::i16},      {"I8", 1, DType::i8},     {"U8", 1, DType::u8},
    {"BOOL", 1, DType::boolean}, {"U64", 8, std::nullopt}, {"U32", 4, std::nullopt},
    {"U16", 2, std::nullopt},    {"C64", 8, std::nullopt}, {"F8_E4M3", 1, std::nullopt},
    {"F8_E5M2", 1, std::nullopt}};

struct HeaderEntry {
  std::string name, type;
  std::vector<int64_t> shape;
  std::array<uint64_t, 2> offsets{};
};

// {NAME: {"dtype": text, "shape": [numbers], "data_offsets": [begin, end]}}, nothing else.
class HeaderEvents : public JsonEvents {
 public:
  using JsonEvents::JsonEvents;

  Metadata metadata;
  std::vector<HeaderEntry> entries;

  bool start_object(size_t) override {
    if (depth_ == 2 || array_ != nullptr) return refuse("an object");
    ++depth_;
    return true;
  }

  bool key(std::string& key) override {
    require(key.size() <= kMaxNameBytes, "[{}] has a name of {} bytes; at most {}.", where_,
            key.size(), kMaxNameBytes);
    if (depth_ == 1) {
      name_ = key;
      in_metadata_ = name_ == "__metadata__";
      seen_ = {};
      duplicate(!names_.insert(name_).second);
      require(names_.size() <= kMaxTensors, "[{}] lists more than {} tensors.", where_,
              kMaxTensors);
      if (!in_metadata_) entries.push_back({name_});
    } else if (in_metadata_) {
      duplicate(metadata.contains(key));
    } else {
      const size_t index = std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin();
      require(index < kKeys.size(), "[{}] '{}' has the unknown key '{}'.", where_, shown(name_),
              shown(key));
      duplicate(seen_[index]);
      seen_[index] = true;
    }
    key_ = key;
    return true;
  }

  bool end_object() override {
    if (--depth_ != 1 || in_metadata_) return true;
    for (size_t i = 0; i < kKeys.size(); ++i) {
      require(seen_[i], "[{}] '{}' has no '{}'.", where_, shown(name_), kKeys[i]);
    }
    return true;
  }

  // The reference implementation reads metadata of null as none.
  bool null() override { return (depth_ == 1 && in_metadata_) || refuse("null"); }

  bool string(std::string& text) override {
    if (depth_ != 2 || array_ != nullptr) return refuse("a string");
    if (in_metadata_) {
      metadata.emplace(key_, std::move(text));
    } else if (key_ == "dtype") {
      entries.back().type = text;
    } else {
      return refuse("a string");
    }
    return true;
  }

  bool start_array(size_t) override {
    if (depth_ != 2 || in_metadata_ || array_ != nullptr || key_ == "dtype") {
      return refuse("an array");
    }
    array_ = key_ == "shape" ? "shape" : "data_offsets";
    count_ = 0;
    return true;
  }

  bool number_unsigned(uint64_t number) override {
    if (array_ == nullptr) return refuse("a number");
    HeaderEntry& entry = entries.back();
    if (key_ == "shape") {
      require(count_ < kMaxStoredRank, "[{}] '{}' has more than {} dimensions.", where_,
              shown(name_), kMaxStoredRank);
      require(number <= INT64_MAX, "[{}] '{}' has a dimension of {}, past 63 bits.", where_,
              shown(name_), number);
      entry.shape.push_back(static_cast<int64_t>(number));
    } else {
      require(count_ < 2, "[{}] '{}' has more than two data_offsets.", where_, shown(name_));
      entry.offsets[count_] = number;
    }
    ++count_;
    return true;
  }

  bool end_array() override {
    require(key_ == "shape" || count_ == 2, "[{}] '{}' has {} data_offsets, not two.", where_,
            shown(name_), count_);
    array_ = nullptr;
    return true;
  }

 protected:
  std::string place() const override {
    if (depth_ == 0) return "the header";
    if (depth_ == 1) return fmt::format("'{}'", shown(name_));
    return fmt::format("'{}' of '{}'", shown(key_), shown(name_));
  }

 private:
  static constexpr std::array<std::string_view, 3> kKeys = {"dtype", "shape", "data_offsets"};

  void duplicate(bool is_duplicate) const {
    require(!is_duplicate, "[{}] has a key twice in '{}'; keys must be unique.", where_,
            shown(name_));
  }

  int depth_ = 0;
  bool in_metadata_ = false;
  const char* array_ = nullptr;  // the array being read
  size_t count_ = 0;             // its elements so far
  std::string name_, key_;
  std::array<bool, 3> seen_{};
  std::unordered_set<std::string> names_;
};

// Size against shape, for the types whose size is known.
void check_size(const HeaderEntry& entry, const TypeInfo* type, const std::string& where) {
  const std::optional<int64_t> numel = checked_numel(entry.shape);
  require(numel.has_value(), "[{}] '{}' {} has more than 2^63 elements.", where, shown(entry.name),
          to_text(entry.shape));
  const uint64_t bytes = entry.offsets[1] - entry.offsets[0];
  uint64_t wanted = 0;
  if (type == nullptr) return;
  require(!__builtin_mul_overflow(static_cast<uint64_t>(*numel), type->size, &wanted) &&
              bytes == wanted,
          "[{}] '{}' {} of {} does not fill the {} bytes of its data_offsets.", where,
          shown(entry.name), to_text(entry.shape), entry.type, bytes);
}

// The data must be the tensors one after another, in any order, and end with the file.
void check_tiling(const std::vector<HeaderEntry>& entries, uint64_t data_size,
                  const std::string& where) {
  std::vector<const HeaderEntry*> order;
  for (const HeaderEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->offsets < b->offsets; });
  uint64_t end = 0;
  for (const HeaderEntry* entry : order) {
    const auto [begin, stop] = entry->offsets;
    require(begin <= stop && stop <= data_size,
            "[{}] '{}' lies at bytes {} to {} of {}; the file is cut off or damaged.", where,
            shown(entry->name), begin, stop, data_size);
    require(begin == end, "[{}] '{}' begins at byte {}, where {} is due; tensors must not {}.",
            where, shown(entry->name), begin, end, begin < end ? "overlap" : "leave holes");
    end = stop;
  }
  require(end == data_size, "[{}] tensors end at byte {} of {}; the file has something after them.",
          where, end, data_size);
}

}  // namespace

// 8 bytes with the header's size, the header, the data. Tensors are views into the file's bytes.
Safetensors read_safetensors(const FileBytes& file) {
  const std::string& where = file.where;
  uint64_t header_size = 0;
  require(file.bytes.size() >= sizeof header_size,
          "[{}] has {} bytes, too few for a safetensors file.", where, file.bytes.size());
  std::memcpy(&header_size, file.bytes.data(), sizeof header_size);
  const uint64_t rest = file.bytes.size() - sizeof header_size;
  require(header_size <= kMaxHeader && header_size <= rest,
          "[{}] claims a header of {} bytes in a file of {}; it is no safetensors file.", where,
          header_size, file.bytes.size());

  HeaderEvents events(where);
  parse_json_events(file.text().substr(sizeof header_size, header_size), events);
  const std::span<const std::byte> data = file.bytes.subspan(sizeof header_size + header_size);
  check_tiling(events.entries, data.size(), where);

  Safetensors result{std::move(events.metadata), {}};
  result.tensors.reserve(events.entries.size());
  for (HeaderEntry& entry : events.entries) {
    const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [&](const TypeInfo& t) { return t.name == entry.type; });
    if (type == std::end(kTypes)) type = nullptr;
    check_size(entry, type, where);
    StoredTensor tensor{.name = std::move(entry.name), .type = std::move(entry.type)};
    tensor.dtype = type ? type->dtype : std::nullopt;
    tensor.sizes = std::move(entry.shape);
    tensor.bytes = data.subspan(entry.offsets[0], entry.offsets[1] - entry.offsets[0]);
    tensor.owner = file.owner;
    tensor.where = where;
    result.tensors.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace soragrad::nn

// SPDX-License-Identifier: Apache-2.0
