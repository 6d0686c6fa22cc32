// Input is read in large blocks, each cut at line ends into pieces that all cores share; the
// pieces' output is written in their order.
#include "cli/tokenize.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/parallel.h"

namespace soragrad::cli {
namespace {

constexpr size_t kBlockBytes = size_t{4} << 20;
constexpr size_t kPieceBytes = size_t{64} << 10;

void append_line(const data::Tokenizer& tokenizer, std::string_view line, int max_length,
                 std::string& out) {
  const size_t tab = line.find('\t');
  const std::optional<std::string_view> pair =
      tab == std::string_view::npos ? std::nullopt : std::optional(line.substr(tab + 1));
  const data::Encoded encoded = tokenizer.encode(line.substr(0, tab), pair, max_length);
  const size_t begin = out.size();
  constexpr size_t kMaxDigits = 11;
  out.resize(begin + encoded.ids.size() * (kMaxDigits + 1));
  char* end = out.data() + begin;
  for (const int32_t id : encoded.ids) {
    end = std::to_chars(end, end + kMaxDigits, id).ptr;
    *end++ = ' ';
  }
  end[-1] = '\n';
  out.resize(static_cast<size_t>(end - out.data()));
}

// Cuts `lines` after a line end into pieces of about kPieceBytes.
std::vector<std::string_view> cut_pieces(std::string_view lines) {
  std::vector<std::string_view> pieces;
  while (!lines.empty()) {
    const size_t end =
        lines.size() <= kPieceBytes ? std::string_view::npos : lines.find('\n', kPieceBytes - 1);
    const size_t size = end == std::string_view::npos ? lines.size() : end + 1;
    pieces.push_back(lines.substr(0, size));
    lines.remove_prefix(size);
  }
  return pieces;
}

void write_lines(const data::Tokenizer& tokenizer, std::string_view lines, int max_length,
                 const Output& print) {
  const std::vector<std::string_view> pieces = cut_pieces(lines);
  std::vector<std::string> outputs(pieces.size());
  parallel_for(static_cast<int64_t>(pieces.size()), [&](int64_t task) {
    std::string_view piece = pieces[static_cast<size_t>(task)];
    std::string& output = outputs[static_cast<size_t>(task)];
    output.reserve(piece.size() * 2);
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      append_line(tokenizer, piece.substr(0, end), max_length, output);
      piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    }
  });
  for (const std::string& output : outputs) print(output);
}

}  // namespace

void tokenize_lines(const data::Tokenizer& tokenizer, int max_length, std::FILE* in,
                    const Output& print) {
  std::string block;
  size_t searched = 0;  // bytes of block without a line end
  while (true) {
    const size_t kept = block.size();
    block.resize(std::max(kBlockBytes, 2 * kept));
    const size_t got = std::fread(block.data() + kept, 1, block.size() - kept, in);
    const bool full = got == block.size() - kept;
    block.resize(kept + got);
    require(std::ferror(in) == 0, "[standard input] cannot be read: {}.", system_reason(errno));
    if (!full) break;
    const size_t end = block.rfind('\n');
    if (end == std::string::npos || end < searched) {
      searched = block.size();
      require(searched < (size_t{1} << 31), "[standard input] a line has more than {} bytes.",
              searched);
      continue;
    }
    write_lines(tokenizer, std::string_view(block).substr(0, end + 1), max_length, print);
    block.erase(0, end + 1);
    searched = block.size();
  }
  write_lines(tokenizer, block, max_length, print);
}

int tokenize_main(const TokenizeOptions& options) {
  constexpr int64_t kLeast = 3;  // one token between the special tokens of a sentence
  if (options.max_length && *options.max_length < kLeast) {
    throw UsageError(
        fmt::format("[--max-length] is {}; at least {} are needed.", *options.max_length, kLeast));
  }
  const int64_t max_length =
      std::min<int64_t>(options.max_length.value_or(0), std::numeric_limits<int>::max());
  const auto tokenizer = data::load_tokenizer(options.model, options.mode);
  tokenize_lines(*tokenizer, static_cast<int>(max_length), stdin, write_output);
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
