#include "data/table/parquet_page.h"

#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data::parquet {
namespace {

[[noreturn]] void damaged(std::string_view path, std::string_view what) {
  fail("[{}] not a sound Parquet file: {}.", path, what);
}

void unpack(std::string_view compressed, int64_t codec, char* to, size_t bytes,
            std::string_view path) {
  if (codec == static_cast<int64_t>(Codec::snappy)) {
    size_t announced = 0;
    if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &announced) ||
        announced != bytes || !snappy::RawUncompress(compressed.data(), compressed.size(), to)) {
      damaged(path, "Snappy bytes of a page are damaged");
    }
    return;
  }
  const size_t got = ZSTD_decompress(to, bytes, compressed.data(), compressed.size());
  if (ZSTD_isError(got) || got != bytes) damaged(path, "Zstandard bytes of a page are damaged");
}

template <typename T>
T little_endian(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Cell number_cell(std::string_view digits, Arena& arena) {
  return {Cell::Kind::number, arena.copy(digits)};
}

// Shortest digits that read back as the same number; "3.0", not "3".
template <typename T>
Cell real_cell(T value, Arena& arena) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == text.npos) text += ".0";
  if (!std::isfinite(value)) return {Cell::Kind::text, arena.copy(text)};
  return number_cell(text, arena);
}

bool is_unsigned(const Leaf& leaf) {
  return leaf.converted >= 11 && leaf.converted <= 14;  // UINT_8 to UINT_64
}

template <typename T>
Cell whole_cell(const char* from, const Leaf& leaf, Arena& arena) {
  const T value = little_endian<T>(from);
  fmt::memory_buffer text;
  if (is_unsigned(leaf)) {
    fmt::format_to(std::back_inserter(text), "{}", static_cast<std::make_unsigned_t<T>>(value));
  } else {
    fmt::format_to(std::back_inserter(text), "{}", value);
  }
  return number_cell({text.data(), text.size()}, arena);
}

void read_texts(std::string_view bytes, int64_t count, std::vector<Cell>& out,
                std::string_view path) {
  for (int64_t i = 0; i < count; ++i) {
    if (bytes.size() < 4) damaged(path, "a page ends within its texts");
    const auto size = little_endian<uint32_t>(bytes.data());
    if (size > bytes.size() - 4) {
      damaged(path,
              fmt::format("a text of {} bytes in a page that has {} left", size, bytes.size() - 4));
    }
    out.emplace_back(Cell::Kind::text, bytes.substr(4, size));
    bytes.remove_prefix(4 + size_t{size});
  }
}

// make(position) turns the bytes of one value into a cell.
template <typename Make>
void read_fixed(std::string_view bytes, int64_t count, size_t width, std::vector<Cell>& out,
                std::string_view path, Make&& make) {
  if (bytes.size() / width < static_cast<size_t>(count)) {
    damaged(path, fmt::format("{} values of {} bytes in a page of {}", count, width, bytes.size()));
  }
  for (int64_t i = 0; i < count; ++i) out.push_back(make(bytes.data() + width * size_t(i)));
}

}  // namespace

void require_codec(int64_t codec, std::string_view path) {
  constexpr const char* kNames[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                    "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
  const bool is_known = codec >= 0 && codec < std::ssize(kNames);
  require(
      codec == static_cast<int64_t>(Codec::uncompressed) ||
          codec == static_cast<int64_t>(Codec::snappy) ||
          codec == static_cast<int64_t>(Codec::zstd),
      "[{}] compressed by {} (codec {}); Snappy, Zstandard and no compression are read. Convert "
      "it: duckdb -c \"COPY 'in.parquet' TO 'out.csv' (HEADER)\".",
      path, is_known ? kNames[codec] : "an unknown method", codec);
}

std::unique_ptr<char[]> decompress(int64_t codec, std::string_view compressed, int64_t bytes,
                                   std::string_view path) {
  const auto size = static_cast<size_t>(bytes);
  auto result = std::make_unique_for_overwrite<char[]>(size);
  unpack(compressed, codec, result.get(), size, path);
  return result;
}

void HybridReader::ended() const {
  damaged(path_, "levels or indices of a page end early");
}

uint64_t HybridReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  ended();
}

void HybridReader::next_run() {
  const uint64_t header = varint();
  if ((header & 1) == 0) {
    left_ = header >> 1;
    const auto width = static_cast<size_t>(bit_width_ + 7) / 8;
    if (bytes_.size() < width || left_ == 0) ended();
    repeated_ = 0;
    std::memcpy(&repeated_, bytes_.data(), width);
    bytes_.remove_prefix(width);
    packed_ = {};
    return;
  }
  // Writers may cut the last group: the bits that are there bound the numbers.
  const uint64_t groups = std::min<uint64_t>(header >> 1, uint64_t{1} << 32);
  const uint64_t size =
      std::min<uint64_t>(groups * static_cast<uint64_t>(bit_width_), bytes_.size());
  packed_ = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  packed_bit_ = 0;
  left_ = bit_width_ == 0
              ? groups * 8
              : std::min<uint64_t>(groups * 8, size * 8 / static_cast<uint64_t>(bit_width_));
  if (bit_width_ == 0) repeated_ = 0;
  if (left_ == 0) ended();
}

void HybridReader::read(std::span<uint32_t> out) {
  const auto width = static_cast<uint64_t>(bit_width_);
  const uint64_t mask = (uint64_t{1} << width) - 1;
  while (!out.empty()) {
    if (left_ == 0) next_run();
    const auto count = static_cast<size_t>(std::min<uint64_t>(left_, out.size()));
    if (packed_.empty()) {
      std::fill_n(out.begin(), count, repeated_);
    } else {
      for (size_t i = 0; i < count; ++i, packed_bit_ += width) {
        uint64_t word = 0;  // up to 32 bits from a bit of the first byte: 5 bytes at most
        const size_t byte = packed_bit_ / 8;
        std::memcpy(&word, packed_.data() + byte, std::min<size_t>(8, packed_.size() - byte));
        out[i] = static_cast<uint32_t>(word >> packed_bit_ % 8 & mask);
      }
    }
    left_ -= count;
    out = out.subspan(count);
  }
}

int bits_for(int largest) {
  return std::bit_width(static_cast<unsigned>(largest));
}

void read_plain(const Leaf& leaf, std::string_view bytes, int64_t count, Arena& arena,
                std::vector<Cell>& out, std::string_view path) {
  static_assert(std::endian::native == std::endian::little, "Parquet's numbers are little-endian");
  switch (static_cast<Type>(leaf.type)) {
    case Type::bytes:
      return read_texts(bytes, count, out, path);
    case Type::int32:
      return read_fixed(bytes, count, 4, out, path,
                        [&](const char* at) { return whole_cell<int32_t>(at, leaf, arena); });
    case Type::int64:
      return read_fixed(bytes, count, 8, out, path,
                        [&](const char* at) { return whole_cell<int64_t>(at, leaf, arena); });
    case Type::real32:
      return read_fixed(bytes, count, 4, out, path,
                        [&](const char* at) { return real_cell(little_endian<float>(at), arena); });
    case Type::real64:
      return read_fixed(bytes, count, 8, out, path, [&](const char* at) {
        return real_cell(little_endian<double>(at), arena);
      });
    case Type::boolean:
      if (bytes.size() < (static_cast<size_t>(count) + 7) / 8) {
        damaged(path, fmt::format("{} truth values in a page of {} bytes", count, bytes.size()));
      }
      for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        const bool value = (static_cast<uint8_t>(bytes[i / 8]) >> i % 8 & 1) != 0;
        out.emplace_back(Cell::Kind::boolean, value ? "true" : "false");
      }
      return;
    default:
      fail(
          "[{}] column {} has a physical type that is not read (INT96 or FIXED_LEN_BYTE_ARRAY); "
          "write it as text or as a number.",
          path, quote(leaf.path));
  }
}

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
