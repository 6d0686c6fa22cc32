// The bytes of a text file, plain or .xz, one chunk after another: no more than a chunk is in
// memory, whatever the file's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace soragrad::data {

// Bytes of a chunk; the last one of a file is shorter.
constexpr size_t kTextChunk = size_t{64} << 10;

class TextSource {
 public:
  virtual ~TextSource() = default;
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;

  // The next chunk of the text, "" at its end. Throws where the file cannot be read, changes while
  // it is read, or is a damaged or truncated .xz.
  virtual std::string read_chunk() = 0;
  // Passes over chunks without returning them.
  virtual void skip_chunks(int64_t count) = 0;
  // Bytes of the file that the chunks so far took: a function of their number alone.
  virtual int64_t file_bytes_read() const = 0;
  virtual int64_t file_bytes() const = 0;

 protected:
  TextSource() = default;
};

// A regular file; .xz where the name ends so, any number of streams. Throws for folders, devices,
// a .xz that is none, and what require_plain_text() refuses.
std::unique_ptr<TextSource> open_text_source(const std::string& path);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
