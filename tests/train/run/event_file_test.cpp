// TensorBoard's records: checksums and framing.
#include "train/run/event_file.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace soragrad::train;

TEST_CASE("event_file: CRC-32C gives the published check values") {
  CHECK(crc32c("123456789") == 0xe3069283u);            // the check value of CRC-32C
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  CHECK(crc32c("") == 0);
}

TEST_CASE("event_file: the mask rotates by 15 bits and adds its constant") {
  const uint32_t crc = crc32c("123456789");
  CHECK(masked_crc32c("123456789") == ((crc >> 15 | crc << 17) + 0xa282ead8u));
}

TEST_CASE("event_file: a record is length, checksum, bytes, checksum") {
  const std::string record = tf_record("abc");
  REQUIRE(record.size() == 8 + 4 + 3 + 4);
  CHECK(record.substr(0, 8) == std::string("\x03\0\0\0\0\0\0\0", 8));
  uint32_t crc = 0;
  std::memcpy(&crc, record.data() + 8, 4);
  CHECK(crc == masked_crc32c(record.substr(0, 8)));
  CHECK(record.substr(12, 3) == "abc");
  std::memcpy(&crc, record.data() + 15, 4);
  CHECK(crc == masked_crc32c("abc"));
}

TEST_CASE("event_file: a scalar event has the bytes of its protobuf") {
  const std::pair<std::string, double> scalars[] = {{"a", 1.0}};
  const std::string event = scalar_event(2.0, 300, scalars);
  const std::string expected(
      "\x09\0\0\0\0\0\0\0\x40"  // 1: wall_time = 2.0
      "\x10\xac\x02"            // 2: step = 300
      "\x2a\x0a"                // 5: summary
      "\x0a\x08\x0a\x01"
      "a"
      "\x15\0\0\x80\x3f",  // 1: value {1: tag "a", 2: simple_value 1.0}
      9 + 3 + 2 + 10);
  CHECK(event == expected);
}

// SPDX-License-Identifier: Apache-2.0
