// Text for pre-training: files of any size as sequences of one length, [CLS] tokens [SEP].
//
// A paragraph is a line, empty lines end documents. The tokens of all files form one stream, which
// is cut every max_length - 2 tokens: nothing is padded, and no token is lost within an epoch or
// between two. Files are read side by side, the one with the smallest share read so far first, in
// blocks of some pages, so that each batch sees all of them; sequences pass through a buffer from
// which one is drawn at random (`shuffle`). Everything is a function of the files, the options and
// the number of sequences taken before: not of threads or time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "data/corpus/line_reader.h"
#include "data/tokenizer/tokenizer.h"

namespace soragrad::data {

struct CorpusOptions {
  std::string files;         // paths and globs (* ? [..]), separated by commas
  std::string key;           // which option named them, for messages
  int64_t max_length = 128;  // of a sequence, special tokens included; at least 3
  bool shuffle = true;
  bool repeat = true;  // begin again at the end; else the last sequence may be shorter
  uint64_t seed = 42;  // of the order
};

// What was read so far.
struct CorpusCounts {
  int64_t epoch = 0;  // passes over all files that are complete
  int64_t documents = 0, lines = 0, text_bytes = 0, tokens = 0;
  int64_t invalid_utf8 = 0;  // lines with bytes that are no UTF-8: each becomes U+FFFD
  int64_t nul_bytes = 0;     // lines with NUL bytes, which become blanks
  int64_t cut_lines = 0;     // cuts of lines longer than kMaxLinePiece
};

// The numbers of a named tensor of a checkpoint.
using ReadNumbers = std::function<std::vector<int64_t>(const std::string& name)>;

class Corpus {
 public:
  // Finds the files. A path that is named n times is read n times an epoch. Throws where a path or
  // a glob names no file, or a file is no text file.
  Corpus(const Tokenizer& tokenizer, CorpusOptions options);
  ~Corpus();

  // The ids of the next sequence; none at the end unless `repeat`. Throws if all files together
  // hold no token, or if a file cannot be read. After an error save() still returns where the
  // sequence begins that could not be made.
  std::optional<std::vector<int32_t>> next();

  const CorpusCounts& counts() const { return counts_; }
  // Lines about what was counted and not reported before: invalid UTF-8, NUL bytes, cut lines.
  std::vector<std::string> warnings();

  // For an exact resume: named tensors, and the same Corpus from them. load() throws if they
  // belong to other files or options.
  using Named = std::vector<std::pair<std::string, Tensor>>;
  Named save() const;
  void load(const ReadNumbers& tensor);

 private:
  // How far a file has been read.
  struct Progress {
    int64_t pass = 0;        // of this epoch
    int64_t offset = 0;      // of the text, in this pass
    int64_t bytes_read = 0;  // of the file, in this pass
  };
  struct File {
    std::string path;
    int64_t passes = 1;  // an epoch
    int64_t bytes = 0;   // of the file
    Progress read;
    std::unique_ptr<LineReader> reader;  // null: not open
    bool finished() const { return read.pass >= passes; }
    double share_read() const;
  };

  File* next_file();  // null: the epoch is over
  void read_block(File& file, std::vector<std::string>& lines);
  std::vector<std::vector<int32_t>> read_blocks();  // a line each, with its special tokens
  bool fill_stream();  // more tokens, from some blocks; false at the end
  std::optional<std::vector<int32_t>> next_in_order();
  void begin_epoch();
  std::string clean(std::string text, const File& file);
  void warn(const char* what, const File& file);

  const Tokenizer& tokenizer_;
  CorpusOptions options_;
  std::vector<File> files_;
  CorpusCounts counts_;
  std::vector<int32_t> stream_;  // tokens that no sequence has yet
  size_t stream_begin_ = 0;
  std::vector<std::vector<int32_t>> buffer_;  // sequences to draw from
  int64_t drawn_ = 0;                         // sequences so far
  int64_t epoch_tokens_ = 0;                  // of the current epoch
  bool ended_ = false;
  std::vector<std::string> warnings_;
};

// Sequences as the tensors NAME_lengths and NAME of a checkpoint, and back.
void append_sequences(Corpus::Named& tensors, const std::string& name,
                      const std::vector<std::vector<int32_t>>& sequences);
std::vector<std::vector<int32_t>> read_sequences(const ReadNumbers& tensor,
                                                 const std::string& name);

// The files of "a.txt,b/*.xz", sorted within a glob, in the order given.
std::vector<std::string> corpus_files(const std::string& list, const std::string& key);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
