// A reader of the protobuf wire format, as small as these messages allow. The file is untrusted:
// every length is checked against the bytes that are left, and unknown fields are skipped. The
// numbers of fields below are those of sentencepiece_model.proto.
#include "data/tokenizer/sentencepiece_model.h"

#include <bit>
#include <cmath>
#include <unordered_set>

#include "core/error.h"
#include "data/tokenizer/double_array.h"

namespace soragrad::data {
namespace {

constexpr size_t kMaxPieceBytes = 512;  // a trainer's default limit is 16 characters

// One field of a message: a number (wire types 0, 1, 5: varint, fixed64, fixed32), or bytes (2).
struct Field {
  uint32_t number = 0;
  uint32_t wire = 0;
  uint64_t value = 0;
  std::string_view bytes;
};

// Reads the fields of a message one after another. Throws with the byte offset if it is damaged.
class MessageReader {
 public:
  MessageReader(std::string_view message, const char* file_begin, const std::string& path)
      : rest_(message), file_begin_(file_begin), path_(path) {}

  // Reads the next field; false at the end of the message.
  bool next(Field& field) {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    field.number = static_cast<uint32_t>(key >> 3);
    field.wire = static_cast<uint32_t>(key & 7);
    if (field.number == 0 || key >> 32 != 0) damaged("a field without a number");
    switch (field.wire) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 2: {
        const uint64_t length = varint();
        if (length > rest_.size()) damaged("a length past the end");
        field.bytes = rest_.substr(0, length);
        rest_.remove_prefix(length);
        break;
      }
      case 5:
        field.value = fixed(4);
        break;
      default:
        damaged("an unknown wire type");
    }
    return true;
  }

  // Fails unless the field has this wire type.
  void expect(const Field& field, uint32_t wire) const {
    if (field.wire != wire) damaged("a field of the wrong type");
  }

  // A reader of the message in a field of bytes.
  MessageReader inner(const Field& field) const {
    expect(field, 2);
    return {field.bytes, file_begin_, path_};
  }

 private:
  uint64_t varint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) damaged("a number cut short");
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    damaged("a number of more than ten bytes");
  }

  uint64_t fixed(size_t size) {
    if (rest_.size() < size) damaged("a number cut short");
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(rest_[i]);
    rest_.remove_prefix(size);
    return value;
  }

  [[noreturn]] void damaged(std::string_view what) const {
    fail("[{}] {} near byte {}; this is no SentencePiece model or it is damaged.", path_, what,
         rest_.data() - file_begin_);
  }

  std::string_view rest_;
  const char* file_begin_;
  const std::string& path_;
};

// ModelProto.SentencePiece: text (1), score (2), type (3).
SentencePieceModel::Piece read_piece(MessageReader reader, size_t index, const std::string& path) {
  SentencePieceModel::Piece piece;
  for (Field field; reader.next(field);) {
    if (field.number == 1) {
      reader.expect(field, 2);
      piece.text = field.bytes;
    } else if (field.number == 2) {
      reader.expect(field, 5);
      piece.score = std::bit_cast<float>(static_cast<uint32_t>(field.value));
    } else if (field.number == 3) {
      reader.expect(field, 0);
      require(field.value >= 1 && field.value <= 6,
              "[{}] piece {} has the type {}; 1 to 6 are known.", path, index, field.value);
      piece.type = static_cast<SentencePieceModel::Type>(field.value);
    }
  }
  require(!piece.text.empty() && piece.text.size() <= kMaxPieceBytes,
          "[{}] piece {} has {} bytes; 1 to {} are possible.", path, index, piece.text.size(),
          kMaxPieceBytes);
  require(std::isfinite(piece.score), "[{}] piece {} has the score {}; it must be finite.", path,
          index, piece.score);
  return piece;
}

// TrainerSpec: model_type (3), treat_whitespace_as_suffix (24), byte_fallback (35).
void read_trainer(MessageReader reader, SentencePieceModel& model, const std::string& path) {
  for (Field field; reader.next(field);) {
    if (field.number == 3) {
      reader.expect(field, 0);
      require(field.value == 1, "[{}] model type {}; DeBERTaV3's tokenizer is a Unigram model (1).",
              path, field.value);
    } else if (field.number == 24) {
      reader.expect(field, 0);
      require(field.value == 0, "[{}] whitespace as a suffix is not supported.", path);
    } else if (field.number == 35) {
      reader.expect(field, 0);
      model.byte_fallback = field.value != 0;
    }
  }
}

// NormalizerSpec: precompiled_charsmap (2) and three switches (3 to 5).
void read_normalizer(MessageReader reader, SentencePieceModel& model) {
  for (Field field; reader.next(field);) {
    if (field.number == 2) {
      reader.expect(field, 2);
      model.charsmap = field.bytes;
    } else if (field.number >= 3 && field.number <= 5) {
      reader.expect(field, 0);
      bool& option = field.number == 3   ? model.add_dummy_prefix
                     : field.number == 4 ? model.remove_extra_whitespaces
                                         : model.escape_whitespaces;
      option = field.value != 0;
    }
  }
}

}  // namespace

SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& path) {
  SentencePieceModel model;
  MessageReader reader(bytes, bytes.data(), path);
  for (Field field; reader.next(field);) {
    if (field.number == 1) {
      require(model.pieces.size() <= static_cast<size_t>(DoubleArray::kMaxValue),
              "[{}] more than {} pieces.", path, DoubleArray::kMaxValue);
      model.pieces.push_back(read_piece(reader.inner(field), model.pieces.size(), path));
    } else if (field.number == 2) {
      read_trainer(reader.inner(field), model, path);
    } else if (field.number == 3) {
      read_normalizer(reader.inner(field), model);
    }
  }
  std::unordered_set<std::string_view> texts;
  texts.reserve(model.pieces.size());
  int unknown = 0;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const SentencePieceModel::Piece& piece = model.pieces[i];
    require(texts.insert(piece.text).second,
            "[{}] piece {} occurs twice; every piece must be unique.", path, i);
    if (piece.type == SentencePieceModel::Type::unknown) {
      model.unk_id = static_cast<int32_t>(i);
      ++unknown;
    }
  }
  require(unknown == 1, "[{}] {} pieces, {} of them of the type unknown; exactly one is needed.",
          path, model.pieces.size(), unknown);
  return model;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
