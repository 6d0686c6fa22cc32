// Lines of a corpus file, and where the reader stands, so that a resumed run goes on there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "data/corpus/text_source.h"

namespace soragrad::data {

// Longer lines are cut into pieces of at most this many bytes, after a blank where there is one,
// and never within a character of valid UTF-8.
constexpr size_t kMaxLinePiece = size_t{64} << 10;

struct TextLine {
  std::string text;     // without its end; CR LF ends a line like LF
  bool is_cut = false;  // the line goes on in the next piece
};

class LineReader {
 public:
  // Goes on at byte `offset` of the text, which begins a line or a piece.
  LineReader(const std::string& path, int64_t offset);

  // The next line; false at the end of the file.
  bool next(TextLine& line);

  int64_t offset() const { return offset_; }  // bytes of the text taken so far
  // How far the reader is: bytes of the file that the chunks up to offset() took. A function of the
  // offset alone, whatever has been read ahead.
  int64_t file_bytes_read();

 private:
  std::string_view rest() const { return std::string_view(buffer_).substr(begin_); }
  void take(TextLine& line, size_t length, size_t end);
  bool read_chunk();  // false at the end of the file

  struct Chunk {
    int64_t end;         // offset of the text behind it
    int64_t file_bytes;  // of the file, up to there
  };

  std::unique_ptr<TextSource> source_;
  std::string buffer_;  // text from begin_ on is not taken yet
  size_t begin_ = 0;
  int64_t offset_ = 0;
  std::deque<Chunk> chunks_;  // from the one that offset_ is in
  int64_t text_read_ = 0;     // bytes of the text in all chunks so far
  bool ended_ = false;
};

// Where to cut text that is longer than `limit`: past the last blank in its second half, else
// before the character that would be split; at most `limit`, at least 1.
size_t cut_point(std::string_view text, size_t limit);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
