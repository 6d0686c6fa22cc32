// The slow DeBERTaV3 tokenizer. A text goes through: added tokens are cut out; each stretch is
// normalized by SentencePiece's rules; the stretch gets one best segmentation (unigram.h), with
// sums stored in float as SentencePiece stores them. Sources: sentencepiece/src/normalizer.cc,
// unigram_model.cc, sentencepiece_processor.cc; transformers' tokenization_deberta_v2.py and
// tokenization_utils.py.
#include <algorithm>
#include <limits>

#include "core/error.h"
#include "data/tokenizer/deberta.h"
#include "data/tokenizer/scratch.h"
#include "data/tokenizer/unigram.h"

namespace soragrad::data {
namespace {

using Type = SentencePieceModel::Type;

}  // namespace

DebertaSlowTokenizer::DebertaSlowTokenizer(const SentencePieceModel& model,
                                           std::vector<AddedToken> tokens, SpecialTokens special,
                                           int vocab_size, const std::string& path)
    : Tokenizer(special, Truncation::slow, vocab_size),
      tokens_(std::move(tokens)),
      charsmap_(model.charsmap, path),
      unk_id_(model.unk_id),
      byte_fallback_(model.byte_fallback),
      add_dummy_prefix_(model.add_dummy_prefix),
      remove_extra_whitespaces_(model.remove_extra_whitespaces),
      escape_whitespaces_(model.escape_whitespaces) {
  float min_score = std::numeric_limits<float>::max();
  // The reference starts from the smallest positive float, so max_score is never negative.
  float max_score = std::numeric_limits<float>::min();
  for (const SentencePieceModel::Piece& piece : model.pieces) {
    if (piece.type != Type::normal) continue;
    min_score = std::min(min_score, piece.score);
    max_score = std::max(max_score, piece.score);
  }
  unknown_score_ = min_score - static_cast<float>(kUnknownPenalty);

  std::vector<DoubleArray::Key> keys, user_defined;
  scores_.resize(model.pieces.size());
  byte_ids_.fill(-1);
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePieceModel::Piece& piece = model.pieces[id];
    const DoubleArray::Key key{piece.text, static_cast<int32_t>(id)};
    scores_[id] = piece.score;
    if (piece.type == Type::normal) {
      keys.push_back(key);
    } else if (piece.type == Type::user_defined) {
      // The reference's score for these pieces: it beats every segmentation of the same bytes.
      scores_[id] = static_cast<float>(static_cast<float>(piece.text.size()) * max_score - 0.1);
      keys.push_back(key);
      user_defined.push_back(key);
    } else if (piece.type == Type::byte) {
      unsigned byte = 0;
      require(piece.text.size() == 6 && std::sscanf(piece.text.c_str(), "<0x%2X>", &byte) == 1,
              "[{}] piece {} is no byte; such a piece reads <0x41>.", path, id);
      byte_ids_[byte] = static_cast<int32_t>(id);
    }
  }
  require(!byte_fallback_ || std::find(byte_ids_.begin(), byte_ids_.end(), -1) == byte_ids_.end(),
          "[{}] byte fallback needs all 256 byte pieces, and some are missing.", path);
  has_user_defined_ = !user_defined.empty();
  pieces_ = DoubleArray(std::move(keys));
  user_defined_ = DoubleArray(std::move(user_defined));
}

void DebertaSlowTokenizer::append_ids(std::string_view text, Scratch& scratch,
                                      std::vector<int32_t>& ids) const {
  tokens_.split(
      text, [&](std::string_view stretch) { append_stretch(stretch, scratch, ids); },
      [&](int32_t id) { ids.push_back(id); });
}

// Normalizes the beginning of text: a user-defined piece stays as it is, then the longest rule of
// the charsmap applies, else one character is copied. Returns the bytes consumed.
size_t DebertaSlowTokenizer::normalize_next(std::string_view text, std::string_view& out) const {
  if (has_user_defined_) {
    size_t longest = 0;
    DoubleArray::Node node = user_defined_.root();
    for (size_t i = 0; i < text.size(); ++i) {
      if (!user_defined_.step(node, static_cast<uint8_t>(text[i]))) break;
      if (node.value >= 0) longest = i + 1;
    }
    if (longest != 0) {
      out = text.substr(0, longest);
      return longest;
    }
  }
  if (const size_t length = charsmap_.longest(text, out); length != 0) return length;
  const size_t length = std::min(static_cast<size_t>(char_bytes(text[0])), text.size());
  out = text.substr(0, length);
  return length;
}

// SentencePiece's normalizer: leading spaces go, a dummy prefix is put in front, runs of spaces
// collapse, spaces become U+2581, trailing ones go; each step as the model's switches have it.
void DebertaSlowTokenizer::normalize(std::string_view text, std::string& out) const {
  out.clear();
  const std::string_view space = escape_whitespaces_ ? kSpaceSymbol : " ";
  std::string_view part;
  if (remove_extra_whitespaces_) {
    while (!text.empty()) {
      const size_t length = normalize_next(text, part);
      if (part != " ") break;
      text.remove_prefix(length);
    }
  }
  if (text.empty()) return;
  if (add_dummy_prefix_) out += space;
  bool after_space = remove_extra_whitespaces_;
  for (size_t i = 0; i < text.size();) {
    // The fast path: ASCII that no rule changes.
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte > ' ' && charsmap_.is_plain(byte) && !has_user_defined_ &&
        (i + 1 == text.size() || static_cast<uint8_t>(text[i + 1]) < 0x80)) {
      out.push_back(text[i++]);
      after_space = false;
      continue;
    }
    i += normalize_next(text.substr(i), part);
    while (after_space && part.starts_with(' ')) part.remove_prefix(1);
    if (!part.empty()) {
      for (const char c : part) {
        if (c == ' ') {
          out += space;
        } else {
          out.push_back(c);
        }
      }
      after_space = part.back() == ' ';
    }
    if (!remove_extra_whitespaces_) after_space = false;
  }
  if (remove_extra_whitespaces_) {
    while (out.ends_with(space)) out.resize(out.size() - space.size());
  }
}

// best_segmentation() reports pieces from right to left, so ids are appended reversed, then turned.
void DebertaSlowTokenizer::append_stretch(std::string_view text, Scratch& scratch,
                                          std::vector<int32_t>& ids) const {
  normalize(text, scratch.normalized);
  const std::string_view normalized = scratch.normalized;
  const size_t first = ids.size();
  bool after_unknown = false;  // the piece to the right is unknown
  best_segmentation<float>(
      pieces_, scores_, unknown_score_, normalized, scratch.arrivals_float,
      [&](int32_t begin, int32_t end, int32_t id) {
        if (id >= 0) {
          ids.push_back(id);
        } else if (byte_fallback_) {
          while (end > begin) {
            ids.push_back(byte_ids_[static_cast<uint8_t>(normalized[static_cast<size_t>(--end)])]);
          }
        } else if (!after_unknown) {
          ids.push_back(unk_id_);
        }
        after_unknown = id < 0;
      });
  std::reverse(ids.begin() + static_cast<ptrdiff_t>(first), ids.end());
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
