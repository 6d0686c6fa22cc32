// How far a Corpus has been read, as tensors of a checkpoint.
#include <algorithm>

#include "core/error.h"
#include "data/corpus/corpus.h"

namespace soragrad::data {
namespace {

Tensor numbers(const std::vector<int64_t>& values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

Corpus::Named Corpus::save() const {
  std::vector<int64_t> files;
  for (const File& file : files_) {
    files.insert(files.end(),
                 {file.bytes, file.passes, file.read.pass, file.read.offset, file.read.bytes_read});
  }
  const CorpusCounts& c = counts_;
  const std::vector<int64_t> counts{c.epoch,  c.documents,    c.lines,     c.text_bytes,
                                    c.tokens, c.invalid_utf8, c.nul_bytes, c.cut_lines,
                                    drawn_,   epoch_tokens_,  ended_,      options_.max_length};
  const auto begin = stream_.begin() + static_cast<std::ptrdiff_t>(stream_begin_);
  Named tensors{{"corpus.files", numbers(files)},
                {"corpus.counts", numbers(counts)},
                {"corpus.stream", numbers({begin, stream_.end()})}};
  append_sequences(tensors, "corpus.buffer", buffer_);
  return tensors;
}

void Corpus::load(const ReadNumbers& tensor) {
  const std::vector<int64_t> files = tensor("corpus.files"), counts = tensor("corpus.counts");
  require(files.size() == 5 * files_.size(),
          "[resume] {} names {} files; the checkpoint's run had {}.", options_.key, files_.size(),
          files.size() / 5);
  constexpr size_t kCounts = 12;
  require(counts.size() == kCounts && counts[11] == options_.max_length,
          "[resume] the checkpoint's corpus is not one of sequences of {} tokens.",
          options_.max_length);
  for (size_t i = 0; i < files_.size(); ++i) {
    File& file = files_[i];
    const int64_t* saved = files.data() + 5 * i;
    require(saved[0] == file.bytes && saved[1] == file.passes,
            "[resume] {}: {} bytes, read {} times an epoch; in the checkpoint's run {} bytes, {} "
            "times. Resume with the same corpus.",
            file.path, file.bytes, file.passes, saved[0], saved[1]);
    file.read = {.pass = saved[2], .offset = saved[3], .bytes_read = saved[4]};
    file.reader.reset();
  }
  counts_ = {.epoch = counts[0],
             .documents = counts[1],
             .lines = counts[2],
             .text_bytes = counts[3],
             .tokens = counts[4],
             .invalid_utf8 = counts[5],
             .nul_bytes = counts[6],
             .cut_lines = counts[7]};
  drawn_ = counts[8];
  epoch_tokens_ = counts[9];
  ended_ = counts[10] != 0;
  const std::vector<int64_t> stream = tensor("corpus.stream");
  stream_.assign(stream.begin(), stream.end());
  stream_begin_ = 0;
  buffer_ = read_sequences(tensor, "corpus.buffer");
}

void append_sequences(Corpus::Named& tensors, const std::string& name,
                      const std::vector<std::vector<int32_t>>& sequences) {
  std::vector<int64_t> lengths, tokens;
  for (const std::vector<int32_t>& sequence : sequences) {
    lengths.push_back(static_cast<int64_t>(sequence.size()));
    tokens.insert(tokens.end(), sequence.begin(), sequence.end());
  }
  tensors.emplace_back(name + "_lengths", numbers(lengths));
  tensors.emplace_back(name, numbers(tokens));
}

std::vector<std::vector<int32_t>> read_sequences(const ReadNumbers& tensor,
                                                 const std::string& name) {
  const std::vector<int64_t> ids = tensor(name);
  std::vector<std::vector<int32_t>> sequences;
  auto begin = ids.begin();
  for (const int64_t length : tensor(name + "_lengths")) {
    require(length >= 0 && length <= ids.end() - begin,
            "[resume] the checkpoint's corpus is damaged.");
    sequences.emplace_back(begin, begin + length);
    begin += length;
  }
  return sequences;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
