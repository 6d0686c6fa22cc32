// Tokenizers on models small enough to work out by hand. No shared file is needed.
#include "data/tokenizer/tokenizer.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>

#include "tests/data/tokenizer_models.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

constexpr int32_t kByte = 4;  // id of byte 0 in the small DeBERTaV3 model

Ids ids_of(const Tokenizer& tokenizer, std::string_view text, int max_length = 0) {
  return tokenizer.encode(text, std::nullopt, max_length).ids;
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; ++k) {
      text.push_back(i + k <= bytes.size() ? kDigits[bits >> (18 - 6 * k) & 63] : '=');
    }
  }
  return text;
}

const char* const kTexts[] = {
    "",        "ab",       " a  b ",   "a [SEP] b",     "caf\u00E9",      "a\u0301b",
    "\u200Ba", "[UNK]a a", "\u2581ab", "b\uFF42\u0301", "zz\u00A0[MASK]", "<0x41>[CLS]"};

}  // namespace

TEST_CASE("tokenizer: slow DeBERTaV3 takes the best segmentation of the whole text") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(ids_of(*tokenizer, "") == Ids{1, 2});
  CHECK(ids_of(*tokenizer, "   ") == Ids{1, 2});
  CHECK(ids_of(*tokenizer, "a") == Ids{1, kSpaceA, 2});
  CHECK(ids_of(*tokenizer, "ab") == Ids{1, kSpace, kAb, 2});  // -6 against -6.5, -7.5 and -8
  CHECK(ids_of(*tokenizer, "  a   b  ") == Ids{1, kSpaceA, kSpace, kB, 2});
  CHECK(tokenizer->vocab_size() == 268);
  CHECK(tokenizer->mask_id() == kMask);
  CHECK(tokenizer->special_tokens(false) == 2);
  CHECK(tokenizer->special_tokens(true) == 3);
}

TEST_CASE("tokenizer: an unknown character is its bytes in slow, one [UNK] a run in fast") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto slow = load_tokenizer(folder.path(), "slow");
  const auto fast = load_tokenizer(folder.path(), "fast");
  const std::string text = "\u00E9\u00E9";
  CHECK(ids_of(*slow, text) ==
        Ids{1, kSpace, kByte + 0xC3, kByte + 0xA9, kByte + 0xC3, kByte + 0xA9, 2});
  CHECK(ids_of(*fast, text) == Ids{1, kSpace, 3, 2});
  CHECK(ids_of(*slow, std::string_view("\0", 1)) == Ids{1, kSpace, kByte, 2});
  // Without byte fallback slow fuses a run as well.
  folder.write("spm.model", spm_model(small_pieces(), small_charsmap(), false));
  CHECK(ids_of(*load_tokenizer(folder.path(), "slow"), text) == Ids{1, kSpace, 3, 2});
}

TEST_CASE("tokenizer: slow takes the longest rule, fast the shortest for a whole cluster") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto slow = load_tokenizer(folder.path(), "slow");
  const auto fast = load_tokenizer(folder.path(), "fast");
  CHECK(ids_of(*slow, "a\u0301") == Ids{1, kSpace, kC, 2});
  // U+FF42 with a mark is a cluster of 5 bytes: fast replaces all of it, slow the letter alone.
  CHECK(ids_of(*fast, "\uFF42\u0301") == Ids{1, kSpace, kB, 2});
  CHECK(ids_of(*slow, "\uFF42\u0301") == Ids{1, kSpace, kB, kByte + 0xCC, kByte + 0x81, 2});
  // With two marks it has 7, and fast goes character by character too.
  CHECK(ids_of(*fast, "\uFF42\u0301\u0301") == Ids{1, kSpace, kB, 3, 2});
  // A space that the charsmap makes is stripped by slow and stays in fast.
  CHECK(ids_of(*slow, "a\u200B") == Ids{1, kSpaceA, 2});
  CHECK(ids_of(*fast, "a\u200B") == Ids{1, kSpaceA, kSpace, 2});
}

TEST_CASE("tokenizer: special tokens in the text become special ids") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto slow = load_tokenizer(folder.path(), "slow");
  const auto fast = load_tokenizer(folder.path(), "fast");
  for (const auto* tokenizer : {slow.get(), fast.get()}) {
    CHECK(ids_of(*tokenizer, "a [SEP] a") == Ids{1, kSpaceA, 2, kSpaceA, 2});
    CHECK(ids_of(*tokenizer, "[MASK][MASK]") == Ids{1, kMask, kMask, 2});
  }
  // [UNK] is looked for after fast's Strip, so the space before it stays.
  CHECK(ids_of(*slow, "a [UNK]") == Ids{1, kSpaceA, 3, 2});
  CHECK(ids_of(*fast, "a [UNK]") == Ids{1, kSpaceA, kSpace, 3, 2});
  // Fast's model can match any piece, slow's only ordinary ones.
  CHECK(ids_of(*fast, "<0x41>") == Ids{1, kSpace, kByte + 0x41, 2});
  CHECK(ids_of(*slow, "<0x41>").size() == 3 + 6);
}

TEST_CASE("tokenizer: user-defined pieces win, unnormalized") {
  const TemporaryFolder folder;
  write_config(folder, "deberta-v2");
  std::vector<SmallPiece> pieces = small_pieces();
  pieces.push_back({"\uFF42", 0, 4});
  pieces.push_back({"ca", 0, 4});
  folder.write("spm.model", spm_model(pieces, small_charsmap()));
  const auto slow = load_tokenizer(folder.path(), "slow");
  const auto fast = load_tokenizer(folder.path(), "fast");
  CHECK(ids_of(*slow, "cab") == Ids{1, kSpace, 268, kB, 2});
  CHECK(ids_of(*fast, "cab") == Ids{1, 268, kSpace, kB, 2});  // an added token there
  CHECK(ids_of(*slow, "a\uFF42") == Ids{1, kSpaceA, 267, 2});
  CHECK(slow->mask_id() == 269);
}

TEST_CASE("tokenizer: tokenizer_config.json and added_tokens.json add tokens") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  folder.write("added_tokens.json", "{\"[MASK]\": 300}");
  folder.write("tokenizer_config.json",
               "\xEF\xBB\xBF{\"added_tokens_decoder\": {\"301\": {\"content\": \"@\", \"rstrip\": "
               "true}}}");
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(ids_of(*tokenizer, "a[MASK]@ a") == Ids{1, kSpaceA, 300, 301, kSpaceA, 2});
  CHECK(tokenizer->vocab_size() == 302);
}

TEST_CASE("tokenizer: tokens of normalized text are normalized as well") {
  const TemporaryFolder bert;
  write_config(bert, "bert");
  bert.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
  const auto add = [&](const char* normalized) {
    bert.write(
        "tokenizer_config.json",
        std::string(R"({"added_tokens_decoder": {"6": {"content": "COVID", "normalized": )") +
            normalized + "}}}");
    return load_tokenizer(bert.path());
  };
  for (const char* text : {"a COVID a", "a covid a", "a C\u00F3vid a"}) {
    CAPTURE(text);
    CHECK(ids_of(*add("true"), text) == Ids{2, 5, 6, 5, 3});
  }
  CHECK(ids_of(*add("false"), "COVID covid") == Ids{2, 6, 1, 3});

  const TemporaryFolder deberta;
  write_config(deberta, "deberta-v2");
  const std::string charsmap = CharsmapBuilder({{"U", "u"}, {"N", "n"}, {"K", "k"}}).blob();
  deberta.write("spm.model", spm_model(small_pieces(), charsmap));
  const auto fast = load_tokenizer(deberta.path(), "fast");
  CHECK(ids_of(*fast, "a[UNK]") == Ids{1, kSpaceA, 3, 2});
  CHECK(ids_of(*fast, "a[unk]") == Ids{1, kSpaceA, 3, 2});
}

TEST_CASE("tokenizer: invalid UTF-8 is text with U+FFFD in it") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  for (const char* mode : {"slow", "fast"}) {
    const auto tokenizer = load_tokenizer(folder.path(), mode);
    CHECK(ids_of(*tokenizer, "a\xE2\x82z") == ids_of(*tokenizer, "a\uFFFDz"));
    CHECK(ids_of(*tokenizer, "\xFF\xFE") == ids_of(*tokenizer, "\uFFFD\uFFFD"));
  }
}

TEST_CASE("tokenizer: a pair has its own budget rule in slow and fast") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto slow = load_tokenizer(folder.path(), "slow");
  const auto fast = load_tokenizer(folder.path(), "fast");
  const Encoded whole = slow->encode("a a", "c");
  CHECK(whole.ids == Ids{1, kSpaceA, kSpaceA, 2, kSpace, kC, 2});
  CHECK(whole.second_begin == 4);
  CHECK(slow->encode("a", "").ids == Ids{1, kSpaceA, 2, 2});
  CHECK(slow->encode("a", "").second_begin == 3);
  CHECK(slow->encode("a").second_begin == -1);
  // Budget 3 of 3 + 3 tokens: the odd one goes to the first in slow, to the second in fast.
  CHECK(slow->encode("a a a", "a a a", 6).second_begin == 4);
  CHECK(fast->encode("a a a", "a a a", 6).second_begin == 3);
  CHECK(slow->encode("a a a", std::nullopt, 4).ids == Ids{1, kSpaceA, kSpaceA, 2});
  CHECK_THROWS_AS(slow->encode("a", std::nullopt, 2), UsageError);
  CHECK_THROWS_AS(slow->encode("a", "a", 3), UsageError);
  CHECK(slow->encode("a", "a", 4).ids == Ids{1, kSpaceA, 2, 2});
}

TEST_CASE("tokenizer: slow truncation equals dropping one token at a time") {
  for (size_t n1 = 0; n1 < 12; ++n1) {
    for (size_t n2 = 0; n2 < 12; ++n2) {
      for (size_t budget = 1; budget < 20; ++budget) {
        size_t first = n1, second = n2;
        while (first + second > budget) (first > second ? first : second) -= 1;
        const PairLengths kept = truncate_pair(n1, n2, budget, Truncation::slow);
        CHECK(kept.first == first);
        CHECK(kept.second == second);
        const PairLengths fast = truncate_pair(n1, n2, budget, Truncation::fast);
        CHECK(fast.first + fast.second == std::min(n1 + n2, budget));
        CHECK((fast.first <= n1 && fast.second <= n2));
      }
    }
  }
  const PairLengths tie = truncate_pair(9, 9, 5, Truncation::fast);
  CHECK((tie.first == 2 && tie.second == 3));
  const PairLengths first_longer = truncate_pair(10, 9, 5, Truncation::fast);
  CHECK((first_longer.first == 3 && first_longer.second == 2));
}

TEST_CASE("tokenizer: tokenizer.json gives DeBERTaV3's fast ids") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto from_model = load_tokenizer(folder.path(), "fast");
  const TemporaryFolder other;
  write_config(other, "deberta-v2");
  nlohmann::json vocab = nlohmann::json::array();
  for (const SmallPiece& piece : small_pieces()) vocab.push_back({piece.text, piece.score});
  nlohmann::json added = nlohmann::json::array();
  for (const auto& [text, id] :
       {std::pair{"[PAD]", 0}, {"[CLS]", 1}, {"[SEP]", 2}, {"[UNK]", 3}, {"[MASK]", 267}}) {
    added.push_back({{"id", id}, {"content", text}, {"normalized", id == 3}, {"special", true}});
  }
  nlohmann::json file{
      {"version", "1.0"},
      {"added_tokens", added},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}},
          {{"type", "Precompiled"}, {"precompiled_charsmap", base64(small_charsmap())}},
          {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}}}}}},
      {"pre_tokenizer",
       {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}}},
      {"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocab}, {"byte_fallback", false}}}};
  other.write("tokenizer.json", file.dump());
  const auto from_json = load_tokenizer(other.path());
  for (const char* text : kTexts) {
    CAPTURE(text);
    CHECK(ids_of(*from_json, text) == ids_of(*from_model, text));
  }
  CHECK(from_json->vocab_size() == 268);
  CHECK(contains(message_of([&] { load_tokenizer(other.path(), "slow"); }), "spm.model"));
  file["pre_tokenizer"]["prepend_scheme"] = "never";
  other.write("tokenizer.json", file.dump());
  CHECK(contains(message_of([&] { load_tokenizer(other.path()); }), "Metaspace"));
}

TEST_CASE(
    "tokenizer: DeBERTaV3's tokenizer.json of transformers 5 collapses white space, then NFC") {
  const TemporaryFolder folder;
  write_config(folder, "deberta-v2");
  nlohmann::json vocab = nlohmann::json::array();
  for (const SmallPiece& piece : small_pieces()) vocab.push_back({piece.text, piece.score});
  vocab.push_back({"\u00E9", -2.0});
  const auto e_acute = static_cast<int32_t>(vocab.size()) - 1;
  nlohmann::json added = nlohmann::json::array();
  for (const auto& [text, id] :
       {std::pair{"[PAD]", 0}, {"[CLS]", 1}, {"[SEP]", 2}, {"[UNK]", 3}, {"[MASK]", 300}}) {
    added.push_back({{"id", id}, {"content", text}, {"normalized", id == 3}, {"special", true}});
  }
  nlohmann::json file{
      {"version", "1.0"},
      {"added_tokens", added},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Replace"}, {"pattern", {{"Regex", "\\s{2,}|[\\n\\r\\t]"}}}, {"content", " "}},
          {{"type", "NFC"}},
          {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}}}}}},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Metaspace"},
           {"replacement", "\u2581"},
           {"prepend_scheme", "always"},
           {"split", true}}}}}},
      {"model", {{"type", "Unigram"}, {"unk_id", 3}, {"vocab", vocab}, {"byte_fallback", false}}}};
  folder.write("tokenizer.json", file.dump());
  const auto tokenizer = load_tokenizer(folder.path());
  const Ids two = {1, kSpaceA, kSpaceA, 2};
  for (const char* text :
       {"a a", "a  a", "a\na", "a\ta", "a \r\n a", "a\u3000 a", "  a a  ", "a a\n"}) {
    CAPTURE(text);
    CHECK(ids_of(*tokenizer, text) == two);
  }
  CHECK(ids_of(*tokenizer, "a\u3000a") == Ids{1, kSpaceA, 3, kA, 2});
  CHECK(ids_of(*tokenizer, "e\u0301") == Ids{1, kSpace, e_acute, 2});
  CHECK(ids_of(*tokenizer, "\u00E9") == Ids{1, kSpace, e_acute, 2});
  CHECK(ids_of(*tokenizer, "") == Ids{1, 2});
  CHECK(ids_of(*tokenizer, " \n ") == Ids{1, 2});
}

TEST_CASE("tokenizer: RoBERTa merges by rank within pre-tokens") {
  const TemporaryFolder folder;
  write_config(folder, "roberta");
  const std::string vocab =
      "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"h\":4,\"i\":5,\"\u0120\":6,\"hi\":7,"
      "\"\u0120h\":8,\"\u0120hi\":9,\"<mask>\":10,\"!\":11}";
  const std::string merges = "h i\n\u0120 h\n\u0120 hi\n";
  folder.write("vocab.json", vocab);
  folder.write("merges.txt", "#version: 0.2\n" + merges);
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(ids_of(*tokenizer, "hi hi") == Ids{0, 7, 9, 2});
  CHECK(ids_of(*tokenizer, " hh") == Ids{0, 8, 4, 2});
  CHECK(ids_of(*tokenizer, "hi  hi") == Ids{0, 7, 6, 9, 2});  // a run leaves its last space
  CHECK(ids_of(*tokenizer, "hi  ") == Ids{0, 7, 6, 6, 2});
  CHECK(ids_of(*tokenizer, "hi <mask> hi") == Ids{0, 7, 10, 9, 2});  // <mask> takes the space
  CHECK(ids_of(*tokenizer, "hi <pad> hi") == Ids{0, 7, 6, 1, 9, 2});
  CHECK(ids_of(*tokenizer, "hxi!") == Ids{0, 7, 11, 2});  // a byte the vocabulary lacks is dropped
  const Encoded pair = tokenizer->encode("hi", "hi");
  CHECK(pair.ids == Ids{0, 7, 2, 2, 7, 2});
  CHECK(pair.second_begin == 4);
  CHECK(tokenizer->special_tokens(true) == 4);
  CHECK_THROWS_AS(load_tokenizer(folder.path(), "slow"), UsageError);
  // Long words merge by a heap, short ones by a scan; "hi" times n never meets a boundary.
  std::string word;
  for (int i = 0; i < 500; ++i) word += "hi";
  CHECK(ids_of(*tokenizer, word) == [] {
    Ids ids(502, 7);
    ids.front() = 0;
    ids.back() = 2;
    return ids;
  }());

  const TemporaryFolder other;
  write_config(other, "roberta");
  other.write("tokenizer.json",
              "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
              "\"added_tokens\": [{\"id\": 10, \"content\": \"<mask>\", \"lstrip\": true}], "
              "\"model\": {\"type\": \"BPE\", \"vocab\": " +
                  vocab + ", \"merges\": [[\"h\", \"i\"], \"\u0120 h\", \"\u0120 hi\"]}}");
  const auto from_json = load_tokenizer(other.path());
  for (const char* text : {"hi hi", " hh", "hi <mask> hi", "hi  !</s>"}) {
    CAPTURE(text);
    CHECK(ids_of(*from_json, text) == ids_of(*tokenizer, text));
  }

  folder.write("merges.txt", "#version: 0.2\nh i\nh x\n");
  CHECK(contains(message_of([&] { load_tokenizer(folder.path()); }), "merge 2"));
  folder.write("merges.txt", "#version: 0.2\nh i\nhi\n");
  CHECK(contains(message_of([&] { load_tokenizer(folder.path()); }), "merges.txt:3"));
  folder.write("vocab.json", "{\"a\": 0, \"a\": 1}");
  CHECK(contains(message_of([&] { load_tokenizer(folder.path()); }), "twice"));
}

TEST_CASE("tokenizer: RoBERTa's unk_token stands for bytes that the vocabulary lacks") {
  const TemporaryFolder folder;
  write_config(folder, "roberta");
  nlohmann::json file{
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"added_tokens", nlohmann::json::array()},
      {"model",
       {{"type", "BPE"},
        {"vocab",
         {{"<s>", 0}, {"<pad>", 1}, {"</s>", 2}, {"<unk>", 3}, {"h", 4}, {"i", 5}, {"hi", 6}}},
        {"merges", {"h i"}},
        {"unk_token", "<unk>"}}}};
  const auto ids_with = [&](const char* key, const nlohmann::json& value, const char* text) {
    file["model"][key] = value;
    folder.write("tokenizer.json", file.dump());
    return ids_of(*load_tokenizer(folder.path()), text);
  };
  CHECK(ids_with("fuse_unk", false, "xyhix\u00E9") == Ids{0, 3, 3, 6, 3, 3, 3, 2});
  CHECK(ids_with("fuse_unk", true, "xyhix\u00E9") == Ids{0, 3, 6, 3, 2});
  CHECK(ids_with("unk_token", nullptr, "xyhix\u00E9") == Ids{0, 6, 2});
  CHECK(contains(message_of([&] { ids_with("unk_token", "[UNK]", "hi"); }),
                 "tokenizer.json] the vocabulary lacks a byte and the unk_token"));
}

TEST_CASE("tokenizer: BERT cleans, lowers, splits and takes the longest pieces") {
  const TemporaryFolder folder;
  write_config(folder, "bert");
  const std::string vocab[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",  "[MASK]", "cafe",
                               "caf",   "##e",   "##s",   "\u751F", "!",      "'"};
  std::string lines;
  nlohmann::json entries;
  for (const std::string& token : vocab) {
    entries[token] = entries.size();
    lines += token + "\n";
  }
  folder.write("vocab.txt", lines);
  const auto tokenizer = load_tokenizer(folder.path());
  CHECK(ids_of(*tokenizer, "Caf\u00C9s!") == Ids{2, 5, 8, 10, 3});
  CHECK(ids_of(*tokenizer, "cafe\u0301 \u751F\u751F") == Ids{2, 5, 9, 9, 3});
  CHECK(ids_of(*tokenizer, "ca\u200Bfe\x07") == Ids{2, 5, 3});  // controls vanish
  CHECK(ids_of(*tokenizer, "cafx") == Ids{2, 1, 3});            // one missing piece: [UNK]
  CHECK(ids_of(*tokenizer, "a[MASK]'") == Ids{2, 1, 4, 11, 3});
  std::string word = "cafe" + std::string(96, 's');
  CHECK(ids_of(*tokenizer, word).size() == 99);
  CHECK(ids_of(*tokenizer, word + "s") == Ids{2, 1, 3});  // more than 100 characters

  // Older folders name their special tokens in special_tokens_map.json.
  const TemporaryFolder older;
  write_config(older, "bert");
  older.write("vocab.txt", "[PAD]\n[UNK]\n<cls>\n[SEP]\n[MASK]\nthe\n");
  older.write("tokenizer_config.json", R"({"cls_token": "[CLS]"})");
  older.write("special_tokens_map.json",
              R"({"cls_token": "<cls>", "mask_token": {"content": "[MASK]", "lstrip": true}})");
  CHECK(ids_of(*load_tokenizer(older.path()), "the [MASK]") == Ids{2, 5, 4, 3});

  const TemporaryFolder other;
  write_config(other, "bert");
  const nlohmann::json file{
      {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}, {"strip_accents", nullptr}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"model", {{"type", "WordPiece"}, {"vocab", entries}}}};
  other.write("tokenizer.json", file.dump());
  const auto from_json = load_tokenizer(other.path());
  for (const char* text : {"Caf\u00C9s!", "cafx", "\u751Fa'[SEP]"}) {
    CAPTURE(text);
    CHECK(ids_of(*from_json, text) == ids_of(*tokenizer, text));
  }
  folder.write("tokenizer_config.json", "{\"do_lower_case\": false}");
  const auto cased = load_tokenizer(folder.path());
  CHECK(ids_of(*cased, "caf\u00C9") == Ids{2, 1, 3});
  CHECK(ids_of(*cased, "cafe Cafe") == Ids{2, 5, 1, 3});
}

TEST_CASE("tokenizer: threads share one tokenizer") {
  const TemporaryFolder folder;
  write_small_deberta(folder);
  const auto tokenizer = load_tokenizer(folder.path(), "fast");
  std::vector<Ids> expected;
  for (const char* text : kTexts) expected.push_back(ids_of(*tokenizer, text));
  int wrong[2] = {0, 0};
  const auto work = [&](int& count) {
    for (int round = 0; round < 200; ++round) {
      for (size_t i = 0; i < std::size(kTexts); ++i) {
        count += ids_of(*tokenizer, kTexts[i]) != expected[i];
      }
    }
  };
  std::thread thread(work, std::ref(wrong[0]));
  work(wrong[1]);
  thread.join();
  CHECK(wrong[0] + wrong[1] == 0);
}

// SPDX-License-Identifier: Apache-2.0
