// TensorBoard event files: a sequence of TFRecords that hold Event protobufs.
//   record  u64 length | u32 masked crc of the length | bytes | u32 masked crc of the bytes
//   mask    rotate the CRC-32C right by 15 bits, add 0xa282ead8
// Sources: tensorflow/core/lib/io/record_writer.h, lib/hash/crc32c.h, core/util/event.proto.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "train/run/append_file.h"

namespace soragrad::train {

uint32_t crc32c(std::string_view bytes);  // Castagnoli
uint32_t masked_crc32c(std::string_view bytes);

// The record around some bytes.
std::string tf_record(std::string_view bytes);
// An Event with scalars at a step; a file begins with the one that names its version.
std::string scalar_event(double wall_time, int64_t step,
                         std::span<const std::pair<std::string, double>> scalars);
std::string version_event(double wall_time);

class EventFile {
 public:
  // Goes on at `length`, cutting off what stands after it; 0 begins the file.
  EventFile(const std::string& path, int64_t length);

  void add(int64_t step, std::span<const std::pair<std::string, double>> scalars);
  int64_t length() const { return file_.length(); }

 private:
  AppendFile file_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
