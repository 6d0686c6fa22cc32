// Damaged and hostile tokenizer files: one line that names the file, never a crash.
#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "data/tokenizer/sentencepiece_model.h"
#include "tests/data/tokenizer_models.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

// Loads the folder in both modes and tokenizes; whatever fails must fail with one line.
void try_to_use(const TemporaryFolder& folder) {
  for (const char* mode : {"slow", "fast"}) {
    const std::string message = message_of([&] {
      const auto tokenizer = load_tokenizer(folder.path(), mode);
      for (const char* text : {"ab a\u0301\uFF42\u200B", "[UNK] <0x41>\u00A0\u00A0", "\xFF\xE2"}) {
        tokenizer->encode(text, text, 16);
      }
    });
    CHECK_FALSE(contains(message, "\n"));
    if (!message.empty()) CHECK(message.starts_with("["));
  }
}

std::string load_error(const TemporaryFolder& folder) {
  return message_of([&] { load_tokenizer(folder.path()); });
}

}  // namespace

TEST_CASE("tokenizer files: every cut and many changed bytes of spm.model are survived") {
  const TemporaryFolder folder;
  write_config(folder, "deberta-v2");
  std::vector<SmallPiece> pieces = small_pieces();
  const std::string whole = spm_model(pieces, small_charsmap());
  for (size_t size = 0; size < whole.size(); size += 41) {
    folder.write("spm.model", std::string_view(whole).substr(0, size));
    try_to_use(folder);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    for (int change = 0; change < 4; ++change) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    folder.write("spm.model", damaged);
    try_to_use(folder);
  }
}

TEST_CASE("tokenizer files: a charsmap with wild offsets leads nowhere") {
  const TemporaryFolder folder;
  write_config(folder, "deberta-v2");
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    std::string blob;
    append_u32(blob, 1024);
    for (int unit = 0; unit < 256; ++unit) append_u32(blob, static_cast<uint32_t>(random()));
    blob += std::string("b\0c\0", 4);
    folder.write("spm.model", spm_model(small_pieces(), blob));
    try_to_use(folder);
  }
  std::string blob;
  append_u32(blob, 0xFFFFFFF0u);
  folder.write("spm.model", spm_model(small_pieces(), blob + std::string(64, 'x')));
  CHECK(contains(load_error(folder), "trie claims 4294967280 bytes"));
  blob.clear();
  append_u32(blob, 4);
  append_u32(blob, 0);
  folder.write("spm.model", spm_model(small_pieces(), blob + std::string(300, 'x')));
  CHECK(contains(load_error(folder), "more than 256 bytes"));
  folder.write("spm.model", spm_model(small_pieces(), blob + "x"));
  CHECK(contains(load_error(folder), "no end"));
}

TEST_CASE("tokenizer files: spm.model is refused for what it says") {
  const std::string path = "m/spm.model";
  const auto error = [&](std::string_view bytes) {
    return message_of([&] { parse_sentencepiece_model(bytes, path); });
  };
  CHECK(contains(error(""), "0 pieces"));
  CHECK(contains(error("not a model"), "near byte"));
  CHECK(contains(error(varint(10) + varint(uint64_t{1} << 62)), "a length past the end"));
  CHECK(contains(error("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "ten bytes"));
  std::vector<SmallPiece> pieces = small_pieces();
  pieces.push_back(pieces.back());
  CHECK(contains(error(spm_model(pieces, "")), "piece 267 occurs twice"));
  pieces.back() = {"", 0, 1};
  CHECK(contains(error(spm_model(pieces, "")), "piece 267 has 0 bytes"));
  pieces.back() = {"x", std::numeric_limits<float>::quiet_NaN(), 1};
  CHECK(contains(error(spm_model(pieces, "")), "piece 267 has the score nan"));
  pieces.back() = {"x", 0, 9};
  CHECK(contains(error(spm_model(pieces, "")), "the type 9"));
  pieces.back() = {"x", 0, 2};
  CHECK(contains(error(spm_model(pieces, "")), "2 of them of the type unknown"));
  CHECK(contains(error(spm_model(small_pieces(), "") + bytes_field(2, number_field(3, 2))),
                 "model type 2"));

  const TemporaryFolder folder;
  write_config(folder, "deberta-v2");
  pieces = small_pieces();
  pieces[77].type = 1;
  folder.write("spm.model", spm_model(pieces, ""));
  CHECK(contains(load_error(folder), "all 256 byte pieces"));
}

TEST_CASE("tokenizer files: what is missing or of the wrong kind is named") {
  const TemporaryFolder folder;
  CHECK(contains(load_error(folder), "config.json"));
  folder.write("config.json", "[]");
  CHECK(contains(load_error(folder), "a JSON object is needed"));
  folder.write("config.json", "{\"model_type\": 3}");
  CHECK(contains(load_error(folder), "model_type"));
  folder.write("config.json", "{\"model_type\": \"t5\"}");
  CHECK(contains(load_error(folder), "t5"));
  folder.write("config.json", "{\"model_type\": \"bert\"");
  CHECK(contains(load_error(folder), "is not JSON"));
  CHECK(!contains(load_error(folder), "\n"));
  write_config(folder, "deberta-v2");
  CHECK(contains(load_error(folder), "neither spm.model nor tokenizer.json"));
  write_config(folder, "roberta");
  CHECK(contains(load_error(folder), "neither vocab.json with merges.txt nor tokenizer.json"));
  write_config(folder, "bert");
  CHECK(contains(load_error(folder), "neither vocab.txt nor tokenizer.json"));
  folder.write("tokenizer.json", "{}");
  CHECK(contains(load_error(folder), "\"normalizer\" is missing"));
  folder.write("tokenizer.json", "{\"normalizer\": {\"type\": \"NFC\"}}");
  CHECK(contains(load_error(folder), "NFC; BertNormalizer is needed"));

  write_small_deberta(folder);
  CHECK_THROWS_AS(load_tokenizer(folder.path(), "quick"), UsageError);
  folder.write("tokenizer_config.json", "{\"do_lower_case\": true}");
  CHECK(contains(load_error(folder), "do_lower_case is true"));
  folder.write("tokenizer_config.json",
               "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"x\"}}}");
  CHECK(contains(load_error(folder), "has the id -1"));
  folder.write("tokenizer_config.json",
               "{\"added_tokens_decoder\": {\"9999999999\": {\"content\": \"x\"}}}");
  CHECK(contains(load_error(folder), "9999999999"));
  folder.write("tokenizer_config.json", "{}");
  folder.write("added_tokens.json", "{\"x\": 1e300}");
  CHECK(contains(load_error(folder), "added_tokens.json"));
}

// SPDX-License-Identifier: Apache-2.0
