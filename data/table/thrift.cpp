#include "data/table/thrift.h"

namespace soragrad::data {
namespace {

constexpr int kMaxStructDepth = 32;  // Parquet's own metadata is nested about 8 deep

}  // namespace

void ThriftReader::enter() {
  if (++depth_ > kMaxStructDepth) damaged("structs nested more than {} deep", kMaxStructDepth);
}

uint8_t ThriftReader::byte() {
  if (position_ >= bytes_.size()) damaged("an early end");
  return static_cast<uint8_t>(bytes_[position_++]);
}

uint64_t ThriftReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t next = byte();
    value |= static_cast<uint64_t>(next & 0x7F) << shift;
    if (next < 0x80) return value;
  }
  damaged("a number of more than 64 bits");
}

int64_t ThriftReader::zigzag() {
  const uint64_t value = varint();
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

std::string_view ThriftReader::take(uint64_t size) {
  if (size > bytes_.size() - position_) {
    damaged("{} bytes announced where {} are left", size, bytes_.size() - position_);
  }
  const std::string_view part = bytes_.substr(position_, size);
  position_ += size;
  return part;
}

// The type in the low half; the high half is the distance to the last id, or 0 and the id follows.
bool ThriftReader::next_field(Field& field) {
  const uint8_t header = byte();
  if (header == 0) return false;
  field.type = header & 15;
  const int delta = header >> 4;
  const int64_t id = delta == 0 ? zigzag() : field.id + delta;
  if (field.type > record || id < INT16_MIN || id > INT16_MAX) {
    damaged("a field {} of type {}", id, field.type);
  }
  field.id = static_cast<int16_t>(id);
  return true;
}

ThriftReader::ListHeader ThriftReader::list_header() {
  const uint8_t header = byte();
  uint64_t size = header >> 4;
  if (size == 15) size = varint();
  // An item takes a byte at least.
  if (size > bytes_.size() - position_) {
    damaged("a list of {} items where {} bytes are left", size, bytes_.size() - position_);
  }
  return {static_cast<uint8_t>(header & 15), static_cast<int64_t>(size)};
}

void ThriftReader::expect(const Field& field, Type type) const {
  if (field.type != type) damaged("type {} where {} is expected", field.type, int{type});
}

int64_t ThriftReader::integer(const Field& field) {
  if (field.type != i16 && field.type != i32 && field.type != i64) {
    damaged("type {} where a whole number is expected", field.type);
  }
  return zigzag();
}

bool ThriftReader::boolean(const Field& field) {
  if (field.type != yes && field.type != no) {
    damaged("type {} where a truth value is expected", field.type);
  }
  return field.type == yes;
}

std::string_view ThriftReader::text(const Field& field) {
  expect(field, binary);
  return take(varint());
}

void ThriftReader::skip(uint8_t type) {
  switch (type) {
    case yes:
    case no:
      return;  // the value is in the field's header
    case i8:
      take(1);
      return;
    case i16:
    case i32:
    case i64:
      varint();
      return;
    case real64:
      take(8);
      return;
    case binary:
      take(varint());
      return;
    case list:
    case set: {
      enter();
      const auto [item, size] = list_header();
      for (int64_t i = 0; i < size; ++i) item <= no ? void(take(1)) : skip(item);
      --depth_;
      return;
    }
    case map:
      skip_map();
      return;
    case record:
      read_struct([](const Field&) { return false; });
      return;
    default:
      damaged("a value of type {}", type);
  }
}

void ThriftReader::skip_map() {
  enter();
  const uint64_t size = varint();
  if (size > bytes_.size() - position_) damaged("a map of {} entries", size);
  if (size > 0) {
    const uint8_t types = byte();
    for (uint64_t i = 0; i < size; ++i) {
      for (const int type : {types >> 4, types & 15}) {
        type <= no ? void(take(1)) : skip(static_cast<uint8_t>(type));
      }
    }
  }
  --depth_;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
