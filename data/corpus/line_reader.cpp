#include "data/corpus/line_reader.h"

#include "core/error.h"
#include "core/text.h"

namespace soragrad::data {

LineReader::LineReader(const std::string& path, int64_t offset)
    : source_(open_text_source(path)), offset_(offset) {
  const auto chunk = static_cast<int64_t>(kTextChunk);
  source_->skip_chunks(offset / chunk);
  text_read_ = offset / chunk * chunk;
  chunks_.push_back({text_read_, source_->file_bytes_read()});
  begin_ = static_cast<size_t>(offset % chunk);
  if (begin_ == 0) return;
  require(read_chunk() && begin_ <= buffer_.size(),
          "[{}] the file ends before byte {}; it has changed.", shown(path), offset);
}

bool LineReader::read_chunk() {
  const std::string chunk = source_->read_chunk();
  text_read_ += static_cast<int64_t>(chunk.size());
  chunks_.push_back({text_read_, source_->file_bytes_read()});
  buffer_ += chunk;
  return !chunk.empty();
}

int64_t LineReader::file_bytes_read() {
  while (chunks_.front().end < offset_) chunks_.pop_front();
  return chunks_.front().file_bytes;
}

bool LineReader::next(TextLine& line) {
  size_t searched = 0;
  for (;;) {
    const std::string_view text = rest();
    const size_t end = text.find('\n', searched);
    if (end != text.npos && end <= kMaxLinePiece) {
      take(line, end, end + 1);
      line.is_cut = false;
      return true;
    }
    if (text.size() > kMaxLinePiece) {
      const size_t length = cut_point(text, kMaxLinePiece);
      take(line, length, length);
      line.is_cut = true;
      return true;
    }
    searched = text.size();
    if (!ended_) {
      buffer_.erase(0, begin_);
      begin_ = 0;
      ended_ = !read_chunk();
    }
    if (!ended_) continue;
    if (rest().empty()) return false;
    take(line, rest().size(), rest().size());
    line.is_cut = false;
    return true;
  }
}

void LineReader::take(TextLine& line, size_t length, size_t end) {
  line.text = rest().substr(0, length);
  if (end > length && line.text.ends_with('\r')) line.text.pop_back();
  begin_ += end;
  offset_ += static_cast<int64_t>(end);
}

size_t cut_point(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text.size();
  const size_t blank = text.substr(0, limit).find_last_of(" \t");
  if (blank != text.npos && blank + 1 > limit / 2) return blank + 1;
  size_t end = limit;  // bytes 10xxxxxx continue a character, of at most 4 bytes
  for (int back = 0; back < 3 && end > 1 && (text[end] & 0xc0) == 0x80; ++back) --end;
  return (text[end] & 0xc0) == 0x80 ? limit : end;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
