// What is inside Parquet's pages: compression, run-length encoded levels and indices, plain values.
// Source: apache/parquet-format, Encodings.md and Compression.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "data/table/cell.h"
#include "data/table/parquet_metadata.h"

namespace soragrad::data::parquet {

// Decompresses Snappy or Zstandard to exactly `bytes` bytes. Throws for damage.
std::unique_ptr<char[]> decompress(int64_t codec, std::string_view compressed, int64_t bytes,
                                   std::string_view path);

// Throws unless the codec is one of those that are read.
void require_codec(int64_t codec, std::string_view path);

// The hybrid of run lengths and bit-packed groups of eight, numbers of `bit_width` bits.
class HybridReader {
 public:
  HybridReader(std::string_view bytes, int bit_width, std::string_view path)
      : bytes_(bytes), path_(path), bit_width_(bit_width) {}

  // The next out.size() numbers. Throws if the bytes end before.
  void read(std::span<uint32_t> out);

 private:
  void next_run();
  uint64_t varint();
  [[noreturn]] void ended() const;

  std::string_view bytes_, path_;
  int bit_width_;
  uint32_t repeated_ = 0;    // the value of a run
  uint64_t left_ = 0;        // numbers left of this run
  std::string_view packed_;  // bits of a bit-packed run; empty in a run of one value
  uint64_t packed_bit_ = 0;
};

// Bits that a number up to `largest` takes.
int bits_for(int largest);

// Appends `count` plain values of a leaf. Texts borrow from `bytes`, numbers are written into the
// arena: whole numbers as digits, floating-point numbers with a point or exponent. Throws if the
// bytes end before or if the type is not read.
void read_plain(const Leaf& leaf, std::string_view bytes, int64_t count, Arena& arena,
                std::vector<Cell>& out, std::string_view path);

}  // namespace soragrad::data::parquet

// SPDX-License-Identifier: Apache-2.0
