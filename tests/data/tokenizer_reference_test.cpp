// Ids of the reference tokenizers on the real tokenizer files; SKIPPED without these.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/data/tokenizer_models.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

struct Golden {
  std::string text;
  Ids ids;  // without the special tokens around them
};

void check_goldens(const Tokenizer& tokenizer, const std::vector<Golden>& goldens) {
  for (const Golden& golden : goldens) {
    CAPTURE(golden.text);
    Ids expected{tokenizer.cls_id()};
    expected.insert(expected.end(), golden.ids.begin(), golden.ids.end());
    expected.push_back(tokenizer.sep_id());
    CHECK(tokenizer.encode(golden.text).ids == expected);
  }
}

std::string from_base64(const std::string& text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<char>(bits >> (count -= 8)));
  }
  return bytes;
}

// Runs every line of a sample file; `load` makes the tokenizer of a row's kind or model and mode.
template <typename Load>
void check_sample(const std::string& path, Load&& load) {
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Tokenizer>> tokenizers;
  const std::string file = read_text(path);
  int rows = 0;
  for (size_t begin = 0; begin < file.size(); ++rows) {
    const size_t end = std::min(file.find('\n', begin), file.size());
    const auto row = nlohmann::json::parse(std::string_view(file).substr(begin, end - begin));
    begin = end + 1;
    const std::string kind = row.contains("model") ? row["model"] : row["kind"];
    const std::string mode = row["mode"];
    auto& tokenizer = tokenizers[{kind, mode}];
    if (!tokenizer) tokenizer = load(kind, mode);
    std::string text = row["text"];
    std::optional<std::string> pair;
    if (!row["pair"].is_null()) pair = row["pair"].get<std::string>();
    if (row.contains("bytes_b64")) {
      text = from_base64(row["bytes_b64"]);
      if (const size_t tab = text.find('\t'); tab != std::string::npos) {
        pair = text.substr(tab + 1);
        text.resize(tab);
      }
    }
    const int max_length = row["max_length"].is_null() ? 0 : row["max_length"].get<int>();
    CAPTURE(kind);
    CAPTURE(mode);
    CAPTURE(row["note"].get<std::string>());
    CAPTURE(text);
    CHECK(tokenizer->encode(text, pair, max_length).ids == row["ids"].get<Ids>());
  }
  CHECK(rows >= 200);
}

}  // namespace

TEST_CASE("tokenizer reference: DeBERTaV3 slow") {
  const TemporaryFolder folder;
  const auto model = real_tokenizer(folder, "deberta");
  if (!model) {
    MESSAGE("SKIPPED: no shared DeBERTaV3 tokenizer");
    return;
  }
  const auto tokenizer = load_tokenizer(*model);
  CHECK(tokenizer->vocab_size() == 128001);
  CHECK(tokenizer->mask_id() == 128000);
  check_goldens(
      *tokenizer,
      {{"\u2026", {323, 260, 260}},
       {"This is a sample sentence to be tok\u00E9nized",
        {329, 269, 266, 2783, 4378, 264, 282, 264, 1165, 28081, 4666}},
       {"Wondering how this will get tokenized \U0001F914 ?",
        {34559, 361, 291, 296, 350, 10704, 4666, 507, 123226, 1102}},
       {"\u0130s th!s \U00029E3D \u03FA \u0160\u0153 Uglj\u0161i\u0107 d\u1EA5u n\u1EB7ng",
        {59070, 268,   6554, 300,   268,  507,    244,  173,   188,  193,  507,    211, 190,
         37162, 19078, 543,  18309, 3386, 120813, 1931, 97432, 1964, 2030, 117902, 5900}}});
}

TEST_CASE("tokenizer reference: DeBERTaV3 fast") {
  const TemporaryFolder folder;
  const auto model = real_tokenizer(folder, "deberta");
  if (!model) {
    MESSAGE("SKIPPED: no shared DeBERTaV3 tokenizer");
    return;
  }
  const auto tokenizer = load_tokenizer(*model, "fast");
  check_goldens(
      *tokenizer,
      {{"How are you doing?", {577, 281, 274, 653, 302}},
       {"0123456789 0 1 2 3 4 5 6 7 8 9 10 100 1000",
        {767, 120304, 51535, 767, 376, 392, 404, 453, 456, 525, 574, 578, 712, 466, 803, 4985}},
       {"A\n'll !!to?'d''d of, can't.",
        {336, 382, 436, 1084, 300, 725, 302, 280, 407, 280, 280, 407, 265, 261, 295, 280, 297,
         260}},
       {"UNwant\u00E9d,running", {4647, 27364, 5858, 407, 261, 15243}},
       {std::string("1\0002\uFFFD3", 7), {376, 3, 445, 404}},
       {"trailing space   ", {18347, 754}},
       {"test $1 R2 #3 \u20AC4 \u00A35 \u00A56 \u20A37 \u20B98 \u20B19 test",
        {1010, 419, 435, 909, 445, 953, 508, 56238, 14636, 56478, 765, 507, 3, 819, 34880, 804,
         121499, 1088, 1010}},
       {"you\u2026\u00A0\u00A0", {274, 260, 260, 260}},
       {"weird \uFF5E edge \uFF5E case", {4926, 507, 96622, 2363, 507, 96622, 571}},
       {"\u2581This \u2581is \u2581a \u2581test \u2581.", {329, 269, 266, 1010, 323}},
       {"\u751F\u6D3B\u7684\u771F\u8C1B\u662F", {507, 41065, 101952, 9301, 98186, 3, 30060}},
       {" \tHeLLo!how  \n Are yoU?  ", {383, 17145, 795, 300, 5608, 1396, 14469, 2628, 302}}});
  CHECK(tokenizer->encode("this is the first sentence", "blah blah blah").ids ==
        Ids{1, 291, 269, 262, 362, 4378, 2, 19325, 19325, 19325, 2});
}

TEST_CASE("tokenizer reference: RoBERTa") {
  const TemporaryFolder folder;
  const auto model = real_tokenizer(folder, "roberta");
  if (!model) {
    MESSAGE("SKIPPED: no shared RoBERTa tokenizer");
    return;
  }
  const auto tokenizer = load_tokenizer(*model);
  CHECK(tokenizer->vocab_size() == 50265);
  check_goldens(*tokenizer,
                {{"Hello world!", {31414, 232, 328}},
                 {"Hello world! c\u00E9c\u00E9 herlolip 418",
                  {31414, 232, 328, 740, 1140, 12695, 69, 46078, 1588, 42928}},
                 {"A, <mask> AllenNLP sentence.", {250, 6, 50264, 3823, 487, 21992, 3645, 4}}});
}

TEST_CASE("tokenizer reference: sample.jsonl") {
  const TemporaryFolder folder;
  const auto sample = shared_path("fixtures/tokenizer/sample.jsonl");
  std::map<std::string, std::filesystem::path> models;
  for (const char* kind : {"deberta", "roberta", "bert"}) {
    if (const auto model = real_tokenizer(folder, kind)) models[kind] = *model;
  }
  if (!sample || models.size() != 3) {
    MESSAGE("SKIPPED: no shared tokenizer sample");
    return;
  }
  check_sample(*sample, [&](const std::string& kind, const std::string& mode) {
    return load_tokenizer(models.at(kind), mode);
  });
}

TEST_CASE("tokenizer reference: sample_tiny.jsonl") {
  const auto sample = shared_path("fixtures/tokenizer/sample_tiny.jsonl");
  const auto models = shared_path("fixtures/models");
  if (!sample || !models) {
    MESSAGE("SKIPPED: no shared tiny models");
    return;
  }
  check_sample(*sample, [&](const std::string& model, const std::string& mode) {
    return load_tokenizer(*models / model, mode);
  });
}

// SPDX-License-Identifier: Apache-2.0
