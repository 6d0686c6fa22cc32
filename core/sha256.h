// SHA-256 (FIPS 180-4) of bytes and files, by OpenSSL: tells whether a file is the one it was.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace soragrad {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  // Appends bytes. Any division of a text into calls gives the same hash.
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  // The hash of all bytes so far as 64 lowercase hexadecimal digits. Ends the hash: neither
  // update() nor hex() may follow.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The hash of a regular file or a pipe, read once with a fixed amount of memory. Throws if it
// cannot be opened or read.
std::string sha256_of_file(const std::string& path);

}  // namespace soragrad

// SPDX-License-Identifier: Apache-2.0
