#include "data/corpus/corpus.h"

#include <glob.h>

#include <algorithm>

#include "core/error.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "core/text.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr size_t kBlockBytes = size_t{16} << 10;  // read from one file before the next
constexpr size_t kBlocks = 16;                    // tokenized together
constexpr size_t kBufferSequences = 4096;         // drawn from
constexpr size_t kOpenFiles = 64;

bool is_glob(std::string_view path) {
  return path.find_first_of("*?[") != path.npos;
}

std::vector<std::string> glob_files(const std::string& pattern, const std::string& key) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> files;
  for (size_t i = 0; status == 0 && i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  require(!files.empty(), "[{}] {}: no file fits.", key, pattern);
  return files;
}

}  // namespace

std::vector<std::string> corpus_files(const std::string& list, const std::string& key) {
  std::vector<std::string> files;
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string path(trimmed(rest.substr(0, comma)));
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    if (path.empty()) continue;
    if (is_glob(path)) {
      const std::vector<std::string> found = glob_files(path, key);
      files.insert(files.end(), found.begin(), found.end());
    } else {
      files.push_back(path);
    }
  }
  require(!files.empty(), "[{}] \"{}\" names no file.", key, list);
  return files;
}

double Corpus::File::share_read() const {
  const double in_pass =
      bytes > 0 ? static_cast<double>(read.bytes_read) / static_cast<double>(bytes) : 1;
  return (static_cast<double>(read.pass) + in_pass) / static_cast<double>(passes);
}

Corpus::Corpus(const Tokenizer& tokenizer, CorpusOptions options)
    : tokenizer_(tokenizer), options_(std::move(options)) {
  require(options_.max_length >= 3, "[corpus] sequences of {} tokens; at least 3 are needed.",
          options_.max_length);
  for (const std::string& path : corpus_files(options_.files, options_.key)) {
    const auto same = std::find_if(files_.begin(), files_.end(),
                                   [&](const File& file) { return file.path == path; });
    if (same != files_.end()) {
      ++same->passes;
      continue;
    }
    File file;
    file.path = path;
    file.bytes = open_text_source(path)->file_bytes();
    if (file.bytes == 0) warnings_.push_back(fmt::format("[{}] the file is empty.", shown(path)));
    files_.push_back(std::move(file));
  }
}

Corpus::~Corpus() = default;

// The file of which the smallest share has been read. Beyond the first 64 that are not finished
// none is opened, so that a corpus may have any number of files.
Corpus::File* Corpus::next_file() {
  File* best = nullptr;
  size_t open = 0;
  for (File& file : files_) {
    if (file.finished()) continue;
    if (++open > kOpenFiles) break;
    if (!best || file.share_read() < best->share_read()) best = &file;
  }
  return best;
}

void Corpus::read_block(File& file, std::vector<std::string>& lines) {
  if (!file.reader) file.reader = std::make_unique<LineReader>(file.path, file.read.offset);
  TextLine line;
  for (size_t bytes = 0; bytes < kBlockBytes;) {
    if (!file.reader->next(line)) {
      file.reader.reset();
      file.read = {.pass = file.read.pass + 1};
      ++counts_.documents;
      return;
    }
    file.read.offset = file.reader->offset();
    file.read.bytes_read = file.reader->file_bytes_read();
    ++counts_.lines;
    counts_.text_bytes += static_cast<int64_t>(line.text.size());
    if (line.is_cut && ++counts_.cut_lines == 1) {
      warn("a line is longer than 65536 bytes; such lines are cut", file);
    }
    bytes += line.text.size() + 1;
    if (line.text.empty()) {
      ++counts_.documents;
    } else {
      lines.push_back(clean(std::move(line.text), file));
    }
  }
}

std::string Corpus::clean(std::string text, const File& file) {
  if (text.find('\0') != text.npos) {
    std::replace(text.begin(), text.end(), '\0', ' ');
    if (++counts_.nul_bytes == 1) warn("NUL bytes are read as blanks", file);
  }
  std::string repaired;
  if (repair_utf8(text, repaired).data() != text.data()) {
    if (++counts_.invalid_utf8 == 1) {
      warn("bytes that are no UTF-8 are read as U+FFFD", file);
    }
    return repaired;
  }
  return text;
}

void Corpus::warn(const char* what, const File& file) {
  warnings_.push_back(
      fmt::format("[{}] line {} of the corpus: {}.", shown(file.path), counts_.lines, what));
}

std::vector<std::string> Corpus::warnings() {
  return std::exchange(warnings_, {});
}

void Corpus::begin_epoch() {
  require(epoch_tokens_ > 0, "[{}] {}: no text; the files hold no token.", options_.key,
          options_.files);
  ++counts_.epoch;
  epoch_tokens_ = 0;
  for (File& file : files_) file.read.pass = 0;
}

std::vector<std::vector<int32_t>> Corpus::read_blocks() {
  std::vector<std::string> lines;
  for (size_t block = 0; block < kBlocks; ++block) {
    File* file = next_file();
    if (!file) break;
    read_block(*file, lines);
  }
  std::vector<std::vector<int32_t>> ids(lines.size());
  parallel_for(static_cast<int64_t>(lines.size()), [&](int64_t i) {
    ids[static_cast<size_t>(i)] = tokenizer_.encode(lines[static_cast<size_t>(i)]).ids;
  });
  return ids;
}

bool Corpus::fill_stream() {
  std::vector<Progress> before;
  for (const File& file : files_) before.push_back(file.read);
  const CorpusCounts counts = counts_;
  try {
    const std::vector<std::vector<int32_t>> lines = read_blocks();
    size_t tokens = 0;
    for (const std::vector<int32_t>& line : lines) tokens += line.size() - 2;
    stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(stream_begin_));
    stream_begin_ = 0;
    stream_.reserve(stream_.size() + tokens);         // the last thing here that can fail
    for (const std::vector<int32_t>& line : lines) {  // between its special tokens
      stream_.insert(stream_.end(), line.begin() + 1, line.end() - 1);
    }
    epoch_tokens_ += static_cast<int64_t>(tokens);
    counts_.tokens += static_cast<int64_t>(tokens);
  } catch (...) {
    for (size_t i = 0; i < files_.size(); ++i) {
      files_[i].read = before[i];
      files_[i].reader.reset();
    }
    counts_ = counts;
    throw;
  }
  if (next_file()) return true;
  begin_epoch();
  return options_.repeat;
}

std::optional<std::vector<int32_t>> Corpus::next_in_order() {
  const auto length = static_cast<size_t>(options_.max_length - 2);
  while (!ended_ && stream_.size() - stream_begin_ < length) ended_ = !fill_stream();
  const size_t taken = std::min(length, stream_.size() - stream_begin_);
  if (taken == 0) return std::nullopt;
  const auto begin = stream_.begin() + static_cast<std::ptrdiff_t>(stream_begin_);
  std::vector<int32_t> sequence{tokenizer_.cls_id()};
  sequence.insert(sequence.end(), begin, begin + static_cast<std::ptrdiff_t>(taken));
  sequence.push_back(tokenizer_.sep_id());
  stream_begin_ += taken;
  return sequence;
}

std::optional<std::vector<int32_t>> Corpus::next() {
  if (!options_.shuffle) return next_in_order();
  buffer_.reserve(kBufferSequences);  // so that no sequence is lost for want of memory
  while (buffer_.size() < kBufferSequences) {
    std::optional<std::vector<int32_t>> sequence = next_in_order();
    if (!sequence) break;
    buffer_.push_back(std::move(*sequence));
  }
  if (buffer_.empty()) return std::nullopt;
  const RandomStream stream{options_.seed, random_site("corpus"), 0};
  const uint64_t word = philox(stream, static_cast<uint64_t>(drawn_++)).bits[0];
  std::swap(buffer_[word * buffer_.size() >> 32], buffer_.back());
  std::vector<int32_t> sequence = std::move(buffer_.back());
  buffer_.pop_back();
  return sequence;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
