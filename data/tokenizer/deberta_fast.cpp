// The fast DeBERTaV3 tokenizer. A text goes through: added tokens of raw text are cut out; each
// stretch is normalized; added tokens of normalized text are cut out; Metaspace cuts words; a cache
// answers for words already seen; the others are segmented (unigram.h).
// Sources: transformers' convert_slow_tokenizer.py (DebertaV2Converter); tokenizers 0.20.3:
// normalizers/precompiled.rs, pre_tokenizers/metaspace.rs, models/unigram/model.rs.
#include <algorithm>
#include <utility>

#include "data/tokenizer/deberta.h"
#include "data/tokenizer/grapheme.h"
#include "data/tokenizer/scratch.h"
#include "data/tokenizer/unicode.h"
#include "data/tokenizer/unigram.h"

namespace soragrad::data {
namespace {

constexpr size_t kMaxRuleCluster = 6;  // bytes; only shorter clusters are replaced as a whole

// Appends `part` with runs of spaces collapsed: the normalizer Replace(" {2,}", " ").
void append_collapsed(std::string& out, std::string_view part) {
  for (const char c : part) {
    if (c != ' ' || out.empty() || out.back() != ' ') out.push_back(c);
  }
}

}  // namespace

UnigramSpec unigram_spec(const SentencePieceModel& model) {
  UnigramSpec spec;
  for (const SentencePieceModel::Piece& piece : model.pieces) {
    spec.pieces.push_back(piece.text);
    spec.scores.push_back(piece.score);
  }
  spec.unk_id = model.unk_id;
  spec.charsmap = model.charsmap;
  return spec;
}

DebertaFastTokenizer::DebertaFastTokenizer(UnigramSpec spec, const std::vector<AddedToken>& tokens,
                                           SpecialTokens special, int vocab_size,
                                           const std::string& path)
    : Tokenizer(special, Truncation::fast, vocab_size),
      raw_tokens_(raw_tokens(tokens)),
      charsmap_(spec.charsmap, path),
      scores_(std::move(spec.scores)),
      unk_id_(spec.unk_id),
      nfc_(spec.nfc) {
  std::vector<DoubleArray::Key> keys;
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    keys.push_back({spec.pieces[id], static_cast<int32_t>(id)});
  }
  pieces_ = DoubleArray(std::move(keys));
  unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  if (spec.byte_fallback) {
    for (size_t byte = 0; byte < 256; ++byte) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      const char piece[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      byte_ids_[byte] = pieces_.find({piece, sizeof(piece)});
    }
    byte_fallback_ = std::find(byte_ids_.begin(), byte_ids_.end(), -1) == byte_ids_.end();
  }
  normalized_tokens_ =
      AddedTokens(normalized_tokens(tokens, [&](std::string_view text, std::string& normalized) {
        normalize(text, normalized);
      }));
}

void DebertaFastTokenizer::append_ids(std::string_view text, Scratch& scratch,
                                      std::vector<int32_t>& ids) const {
  const auto on_token = [&](int32_t id) { ids.push_back(id); };
  raw_tokens_.split(
      text,
      [&](std::string_view stretch) {
        normalize(stretch, scratch.normalized);
        normalized_tokens_.split(
            scratch.normalized, [&](std::string_view part) { append_stretch(part, scratch, ids); },
            on_token);
      },
      on_token);
}

void DebertaFastTokenizer::normalize(std::string_view text, std::string& out) const {
  nfc_ ? normalize_nfc(text, out) : normalize_by_charsmap(text, out);
}

// transformers 5: Replace(\s{2,}|[\n\r\t] by a space), NFC, Strip on the right.
void DebertaFastTokenizer::normalize_nfc(std::string_view text, std::string& out) const {
  out.clear();
  const auto is_space = [](char32_t c) { return text_class(c) == TextClass::space; };
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const char32_t c = next_char(text, at);
    size_t end = at;  // of the run of white space that c begins
    while (is_space(c) && end < text.size()) {
      size_t behind = end;
      if (!is_space(next_char(text, behind))) break;
      end = behind;
    }
    const bool replaced = end > at || c == '\n' || c == '\r' || c == '\t';
    out += replaced ? " " : text.substr(begin, at - begin);
    at = end;
  }
  compose(out);
  out.resize(strip_white_space_right(out).size());
}

// ASCII that no rule changes is copied at once. Otherwise a grapheme cluster is replaced as a whole
// if it is short and a rule matches, else character by character.
void DebertaFastTokenizer::normalize_by_charsmap(std::string_view text, std::string& out) const {
  out.clear();
  text = strip_white_space(text);
  std::string_view replacement;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (charsmap_.is_plain(byte) && byte != '\r' &&
        (i + 1 == text.size() || static_cast<uint8_t>(text[i + 1]) < 0x80)) {
      if (byte != ' ' || out.empty() || out.back() != ' ') out.push_back(text[i]);
      ++i;
      continue;
    }
    const size_t end = grapheme_end(text, i);
    if (end - i < kMaxRuleCluster && charsmap_.shortest(text.substr(i, end - i), replacement)) {
      append_collapsed(out, replacement);
      i = end;
      continue;
    }
    while (i < end) {
      const auto length = static_cast<size_t>(char_bytes(text[i]));
      const std::string_view character = text.substr(i, length);
      append_collapsed(out, charsmap_.shortest(character, replacement) ? replacement : character);
      i += length;
    }
  }
}

// Metaspace: every space becomes U+2581, and one is put in front if the text has none. Each U+2581
// begins a word.
void DebertaFastTokenizer::append_stretch(std::string_view text, Scratch& scratch,
                                          std::vector<int32_t>& ids) const {
  std::string& words = scratch.words;
  words.clear();
  if (!text.starts_with(' ') && !text.starts_with(kSpaceSymbol)) words += kSpaceSymbol;
  for (const char c : text) {
    if (c == ' ') {
      words += kSpaceSymbol;
    } else {
      words.push_back(c);
    }
  }
  for (size_t begin = 0; begin < words.size();) {
    const size_t end = std::min(words.find(kSpaceSymbol, begin + 1), words.size());
    const std::string_view word = std::string_view(words).substr(begin, end - begin);
    scratch.cache.append(word, ids, [&] { append_word(word, scratch, ids); });
    begin = end;
  }
}

// best_segmentation() reports pieces from right to left, so ids are appended reversed, then turned.
void DebertaFastTokenizer::append_word(std::string_view word, Scratch& scratch,
                                       std::vector<int32_t>& ids) const {
  const size_t first = ids.size();
  bool after_unknown = false;  // the piece to the right is unknown
  best_segmentation<double>(
      pieces_, scores_, unknown_score_, word, scratch.arrivals_double,
      [&](int32_t begin, int32_t end, int32_t id) {
        const bool unknown = id < 0 || id == unk_id_;
        if (!unknown) {
          ids.push_back(id);
        } else if (byte_fallback_ && id < 0) {
          while (end > begin)
            ids.push_back(byte_ids_[static_cast<uint8_t>(word[static_cast<size_t>(--end)])]);
        } else if (!after_unknown) {
          ids.push_back(unk_id_);
        }
        after_unknown = unknown;
      });
  std::reverse(ids.begin() + static_cast<ptrdiff_t>(first), ids.end());
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
