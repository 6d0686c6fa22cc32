// The reader keeps the file's bytes and hands out views into them: no copy until a caller makes
// one.
#include "data/tsv.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/plain_text.h"

namespace soragrad::data {

TsvReader::TsvReader(const std::string& path) : TsvReader(path, read_file(path)) {}

TsvReader::TsvReader(std::string path, std::string bytes)
    : path_(std::move(path)), bytes_(std::move(bytes)) {
  require_plain_text(bytes_, path_);
  if (std::string_view(bytes_).starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
  position_ = begin_;
}

void TsvReader::rewind() {
  position_ = begin_;
  line_ = 0;
  fields_.clear();
}

std::string TsvReader::where() const {
  return fmt::format("{}:{}", path_, line_);
}

bool TsvReader::next() {
  const std::string_view text = bytes_;
  while (position_ < text.size()) {
    const size_t end = std::min(text.find_first_of("\r\n", position_), text.size());
    std::string_view rest = text.substr(position_, end - position_);
    position_ = text.substr(end).starts_with("\r\n") ? end + 2 : end + 1;
    ++line_;
    if (rest.empty()) continue;

    fields_.clear();
    for (;;) {
      require(fields_.size() < kMaxTsvColumns, "[tsv] {}: more than {} columns.", where(),
              kMaxTsvColumns);
      const size_t tab = rest.find('\t');
      fields_.push_back(rest.substr(0, tab));
      if (tab == std::string_view::npos) return true;
      rest.remove_prefix(tab + 1);
    }
  }
  return false;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
