#include "train/run/event_file.h"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

namespace soragrad::train {

namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed

constexpr std::array<uint32_t, 256> kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}();

template <typename T>
void append_little_endian(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i));
}

// Protobuf: a key is field << 3 | wire type (0 varint, 1 64-bit, 2 length-delimited, 5 32-bit).
void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  append_varint(out, field << 3 | 2);
  append_varint(out, bytes.size());
  out += bytes;
}

std::string event(double wall_time, int64_t step) {
  std::string out;
  append_varint(out, 1 << 3 | 1);  // wall_time
  append_little_endian(out, std::bit_cast<uint64_t>(wall_time));
  append_varint(out, 2 << 3 | 0);  // step
  append_varint(out, static_cast<uint64_t>(step));
  return out;
}

double now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

std::string tf_record(std::string_view bytes) {
  std::string out;
  append_little_endian(out, static_cast<uint64_t>(bytes.size()));
  append_little_endian(out, masked_crc32c(out));
  out += bytes;
  append_little_endian(out, masked_crc32c(bytes));
  return out;
}

std::string version_event(double wall_time) {
  std::string out = event(wall_time, 0);
  append_bytes(out, 3, "brain.Event:2");  // file_version
  return out;
}

std::string scalar_event(double wall_time, int64_t step,
                         std::span<const std::pair<std::string, double>> scalars) {
  std::string summary;
  for (const auto& [tag, scalar] : scalars) {
    std::string value;
    append_bytes(value, 1, tag);
    append_varint(value, 2 << 3 | 5);  // simple_value
    append_little_endian(value, std::bit_cast<uint32_t>(static_cast<float>(scalar)));
    append_bytes(summary, 1, value);
  }
  std::string out = event(wall_time, step);
  append_bytes(out, 5, summary);
  return out;
}

EventFile::EventFile(const std::string& path, int64_t length) : file_(path, length) {
  if (file_.length() == 0) file_.append(tf_record(version_event(now())));
}

void EventFile::add(int64_t step, std::span<const std::pair<std::string, double>> scalars) {
  file_.append(tf_record(scalar_event(now(), step, scalars)));
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
