// Byte-pair encoding of a word (Sennrich et al., "Neural machine translation of rare words with
// subword units", 2016): the word begins as its bytes; again and again the pair of neighbours with
// the best rank is merged, the leftmost of equals first, until no neighbours merge.
//
// A text goes through four steps: added tokens are cut out; GPT-2's expression cuts the stretches
// into words; a cache answers for words already seen; the others are merged.
#include "data/tokenizer/byte_level_bpe.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "core/text.h"
#include "data/tokenizer/scratch.h"
#include "data/tokenizer/unicode.h"

namespace soragrad::data {
namespace {

constexpr size_t kShortWord = 48;  // symbols: up to here a scan is faster than a heap

// text_class() of ASCII as a table, because nearly all text is ASCII.
constexpr std::array<TextClass, 128> ascii_classes() {
  std::array<TextClass, 128> classes{};
  for (size_t c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    classes[c] = c == ' ' || (c >= 9 && c <= 13) ? TextClass::space
                 : letter                        ? TextClass::letter
                 : c >= '0' && c <= '9'          ? TextClass::number
                                                 : TextClass::other;
  }
  return classes;
}
constexpr std::array<TextClass, 128> kAsciiClasses = ascii_classes();

// The class of the character at text[position]; position moves past it.
TextClass next_class(std::string_view text, size_t& position) {
  const auto byte = static_cast<uint8_t>(text[position]);
  if (byte < 0x80) {
    ++position;
    return kAsciiClasses[byte];
  }
  return text_class(next_char(text, position));
}

// The key of the merge table.
uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

size_t pair_hash(uint64_t pair) {
  pair *= 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(pair ^ pair >> 32);
}

}  // namespace

std::array<std::string, 256> byte_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t other = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    append_utf8(alphabet[byte], printable ? byte : other++);
  }
  return alphabet;
}

// A word is a run of one class, with at most one space before it; a run of white space is a word of
// its own.
size_t pre_token_end(std::string_view text, size_t begin) {
  if (text[begin] == '\'') {
    for (const std::string_view ending : {"s", "t", "re", "ve", "m", "ll", "d"}) {
      if (text.substr(begin + 1).starts_with(ending)) return begin + 1 + ending.size();
    }
  }
  size_t end = begin;
  TextClass run = next_class(text, end);
  if (run == TextClass::space && text[begin] == ' ' && end < text.size()) {
    size_t next = end;
    const TextClass following = next_class(text, next);
    if (following != TextClass::space) {
      run = following;
      end = next;
    }
  }
  size_t last = begin;  // where the run's last character begins
  while (end < text.size()) {
    size_t next = end;
    if (next_class(text, next) != run) {
      // \s+(?!\S): white space leaves its last character to the next word, unless it is the only
      // one.
      return run == TextClass::space && last > begin ? last : end;
    }
    last = end;
    end = next;
  }
  return end;
}

ByteLevelBpeTokenizer::ByteLevelBpeTokenizer(const BpeSpec& spec,
                                             const std::vector<AddedToken>& tokens,
                                             SpecialTokens special, int vocab_size,
                                             const std::string& path)
    : Tokenizer(special, Truncation::fast, vocab_size),
      raw_tokens_(raw_tokens(tokens)),
      normalized_tokens_(normalized_tokens(
          tokens, [](std::string_view text, std::string& normalized) { normalized = text; })),
      add_prefix_space_(spec.add_prefix_space),
      fuse_unk_(spec.fuse_unk) {
  const auto find = [&](const std::string& token) {
    const auto found = spec.vocab.find(token);
    return found == spec.vocab.end() ? -1 : found->second;
  };
  const std::array<std::string, 256> alphabet = byte_alphabet();
  std::transform(alphabet.begin(), alphabet.end(), byte_ids_.begin(), find);
  const bool lacks_byte = std::find(byte_ids_.begin(), byte_ids_.end(), -1) != byte_ids_.end();
  if (lacks_byte && !spec.unk_token.empty()) {
    unk_id_ = find(spec.unk_token);
    require(unk_id_ >= 0, "[{}] the vocabulary lacks a byte and the unk_token {}.", path,
            quote(spec.unk_token));
  }

  slots_.resize(std::bit_ceil(spec.merges.size() * 2 + 1));
  for (size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const auto& [left_text, right_text] = spec.merges[rank];
    const int32_t left = find(left_text);
    const int32_t right = find(right_text);
    const int32_t merged = find(left_text + right_text);
    require(left >= 0 && right >= 0 && merged >= 0,
            "[{}] merge {}, \"{}\" + \"{}\", uses a token that the vocabulary lacks.", path,
            rank + 1, left_text, right_text);
    const uint64_t pair = pair_key(left, right);
    size_t slot = pair_hash(pair) & (slots_.size() - 1);
    while (slots_[slot].pair != kNoPair && slots_[slot].pair != pair) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    // A pair given twice keeps its first rank.
    if (slots_[slot].pair == kNoPair) slots_[slot] = {pair, static_cast<uint32_t>(rank), merged};
  }
}

const ByteLevelBpeTokenizer::Slot& ByteLevelBpeTokenizer::find_merge(int32_t left,
                                                                     int32_t right) const {
  const uint64_t pair = pair_key(left, right);
  size_t slot = pair_hash(pair) & (slots_.size() - 1);
  while (slots_[slot].pair != pair && slots_[slot].pair != kNoPair) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slots_[slot];
}

void ByteLevelBpeTokenizer::append_ids(std::string_view text, Scratch& scratch,
                                       std::vector<int32_t>& ids) const {
  const auto on_token = [&](int32_t id) { ids.push_back(id); };
  const auto on_stretch = [&](std::string_view part) { append_stretch(part, scratch, ids); };
  raw_tokens_.split(
      text,
      [&](std::string_view stretch) { normalized_tokens_.split(stretch, on_stretch, on_token); },
      on_token);
}

void ByteLevelBpeTokenizer::append_stretch(std::string_view text, Scratch& scratch,
                                           std::vector<int32_t>& ids) const {
  if (add_prefix_space_ && !text.starts_with(' ')) {
    scratch.words.assign(1, ' ').append(text);
    text = scratch.words;
  }
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = pre_token_end(text, begin);
    const std::string_view word = text.substr(begin, end - begin);
    scratch.cache.append(word, ids, [&] { append_word(word, scratch, ids); });
    begin = end;
  }
}

void ByteLevelBpeTokenizer::append_word(std::string_view word, Scratch& scratch,
                                        std::vector<int32_t>& ids) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols;
  symbols.clear();
  bool after_unknown = false;
  for (const char byte : word) {
    int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
    const bool unknown = id < 0;
    if (unknown) id = fuse_unk_ && after_unknown ? -1 : unk_id_;
    after_unknown = unknown;
    if (id < 0) continue;
    const auto index = static_cast<int32_t>(symbols.size());
    if (index > 0) symbols.back().next = index;
    symbols.push_back({id, index - 1, -1, kNoRank});
  }
  if (symbols.size() <= kShortWord) {
    merge_short(scratch);
  } else {
    merge_long(scratch);
  }
  if (symbols.empty()) return;
  for (int32_t i = 0; i >= 0; i = symbols[static_cast<size_t>(i)].next) {
    ids.push_back(symbols[static_cast<size_t>(i)].id);
  }
}

// Scans for the leftmost pair of the best rank, merges it, and starts again. Quadratic in the
// number of symbols, but short words need no bookkeeping.
void ByteLevelBpeTokenizer::merge_short(Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols;
  const auto set_rank = [&](size_t i) {
    symbols[i].rank =
        i + 1 < symbols.size() ? find_merge(symbols[i].id, symbols[i + 1].id).rank : kNoRank;
  };
  for (size_t i = 0; i < symbols.size(); ++i) set_rank(i);
  while (symbols.size() > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < symbols.size(); ++i) {
      if (symbols[i].rank < symbols[best].rank) best = i;
    }
    if (symbols[best].rank == kNoRank) break;
    symbols[best].id = find_merge(symbols[best].id, symbols[best + 1].id).id;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
    set_rank(best);
    if (best > 0) set_rank(best - 1);
  }
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].next = i + 1 < symbols.size() ? static_cast<int32_t>(i) + 1 : -1;
  }
}

// The same with a heap of candidate merges over a linked list: n log n for long words. A candidate
// is stale, and is skipped, if its two symbols have changed since it was pushed.
void ByteLevelBpeTokenizer::merge_long(Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols;
  std::vector<Scratch::Merge>& heap = scratch.merges;
  const auto worse = [](const Scratch::Merge& a, const Scratch::Merge& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
  };
  const auto push = [&](int32_t left) {
    if (left < 0) return;
    const Scratch::Symbol& symbol = symbols[static_cast<size_t>(left)];
    if (symbol.next < 0) return;
    const int32_t right_id = symbols[static_cast<size_t>(symbol.next)].id;
    const uint32_t rank = find_merge(symbol.id, right_id).rank;
    if (rank == kNoRank) return;
    heap.push_back({rank, static_cast<uint32_t>(left), symbol.id, right_id});
    std::push_heap(heap.begin(), heap.end(), worse);
  };
  heap.clear();
  for (size_t i = 0; i < symbols.size(); ++i) push(static_cast<int32_t>(i));
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    const Scratch::Merge merge = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = symbols[merge.left];
    if (left.id != merge.left_id || left.next < 0) continue;
    Scratch::Symbol& right = symbols[static_cast<size_t>(left.next)];
    if (right.id != merge.right_id) continue;
    left.id = find_merge(left.id, right.id).id;
    right.id = -1;  // merged away: candidates that begin here are stale
    left.next = right.next;
    if (left.next >= 0)
      symbols[static_cast<size_t>(left.next)].previous = static_cast<int32_t>(merge.left);
    push(left.previous);
    push(static_cast<int32_t>(merge.left));
  }
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
