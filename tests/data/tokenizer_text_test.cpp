// The parts below the tokenizers: UTF-8, clusters, pre-tokens, the trie.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/double_array.h"
#include "data/tokenizer/grapheme.h"
#include "data/tokenizer/unicode.h"
#include "data/tokenizer/word_cache.h"

using namespace soragrad::data;

namespace {

// The parts of text that `end(text, begin)` marks, with | between them.
template <typename End>
std::string cut(std::string_view text, End&& end) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t next = end(text, begin);
    if (begin > 0) out += "|";
    out += text.substr(begin, next - begin);
    begin = next;
  }
  return out;
}

}  // namespace

TEST_CASE("unicode: each maximal invalid part becomes one U+FFFD") {
  // As Python's bytes.decode("utf-8", "replace").
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"plain", "plain"},
      {"\xFF", "\uFFFD"},
      {"a\xE2\x82z", "a\uFFFDz"},
      {"\xE2\x82", "\uFFFD"},
      {"\xF0\x9F\x98", "\uFFFD"},
      {"\xF0\x9F\x98\xE2\x82\xAC", "\uFFFD\u20AC"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},
      {"\xE0\x80\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\x80\xC3\xA9", "\uFFFD\u00E9"},
      {"\uFFFD stays", "\uFFFD stays"}};
  for (const auto& [bytes, expected] : cases) {
    std::string storage;
    CHECK(soragrad::repair_utf8(bytes, storage) == expected);
  }
}

TEST_CASE("unicode: classes keep the reference's Unicode versions") {
  CHECK(text_class(U'\u00E9') == TextClass::letter);
  CHECK(text_class(U'\u00BD') == TextClass::number);
  CHECK(text_class(U'\u3000') == TextClass::space);
  CHECK(text_class(U'\U0001E030') == TextClass::other);  // a letter since Unicode 15
  CHECK(is_bert_punctuation(U'\u2E42'));
  CHECK_FALSE(is_bert_punctuation(U'\u2E43'));  // since Unicode 9
  CHECK(is_bert_control(U'\u200B'));
  CHECK_FALSE(is_bert_control(U'\U00013430'));  // since Unicode 12
  std::u32string text = U"\u1E69";              // s with dots below and above
  decompose(text);
  CHECK(text == U"s\u0323\u0307");
  text = U"a\u0301\u0323";
  decompose(text);
  CHECK(text == U"a\u0323\u0301");
  text = U"t\u1ACB\u0323";  // a mark since Unicode 14: of class 0 before
  decompose(text);
  CHECK(text == U"t\u1ACB\u0323");
  for (const std::string_view kept : {"cat\u1ACB\u0323", "t\u1DF6\u0323", "\U00011935\U00011930"}) {
    std::string composed(kept);
    compose(composed);
    CHECK(composed == kept);  // marks since Unicode 14, 10 and 13
  }
  std::string composed = "t\u0301\u0323e\u0301";
  compose(composed);
  CHECK(composed == "\u1E6D\u0301\u00E9");
  CHECK(strip_white_space("\u00A0 a b\u2028\n") == "a b");
  CHECK(strip_white_space(" \u3000") == "");
}

TEST_CASE("grapheme: clusters of Unicode 16") {
  const auto clusters = [](std::string_view text) { return cut(text, grapheme_end); };
  CHECK(clusters("e\u0301a\r\n\n") == "e\u0301|a|\r\n|\n");
  CHECK(clusters("\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7\U0001F1EB") ==
        "\U0001F1E9\U0001F1EA|\U0001F1EB\U0001F1F7|\U0001F1EB");
  CHECK(clusters("\U0001F469\u200D\U0001F467a\u200D\U0001F467") ==
        "\U0001F469\u200D\U0001F467|a\u200D|\U0001F467");
  CHECK(clusters("\u1112\u1161\u11AB\uAC00\u11A8\u11A8\u1161") ==
        "\u1112\u1161\u11AB|\uAC00\u11A8\u11A8|\u1161");
  CHECK(clusters("\u0600a\u0301") == "\u0600a\u0301");  // Prepend
  // Indic conjuncts: consonant, virama, consonant; ZWNJ parts them.
  CHECK(clusters("\u0915\u094D\u0937\u0915") == "\u0915\u094D\u0937|\u0915");
  CHECK(clusters("\u0915\u094D\u200C\u0937") == "\u0915\u094D\u200C|\u0937");
  CHECK(clusters("\u0915\u094D\u200D\u0937") == "\u0915\u094D\u200D\u0937");
  // U+1193D is Extend since Unicode 16, also with an older ICU.
  CHECK(clusters("\u2764\U0001193D\u200D\u00A9") == "\u2764\U0001193D\u200D\u00A9");
}

TEST_CASE("byte-level bpe: pre-tokens follow GPT-2's expression") {
  const auto pre_tokens = [](std::string_view text) { return cut(text, pre_token_end); };
  CHECK(pre_tokens("I'll don't it's") == "I|'ll| don|'t| it|'s");
  CHECK(pre_tokens("I'LL 'x !'s") == "I|'|LL| '|x| !'|s");
  CHECK(pre_tokens("a1 2b") == "a|1| 2|b");
  CHECK(pre_tokens("a   b  ") == "a|  | b|  ");
  CHECK(pre_tokens("a\n\nb \u00A0c") == "a|\n|\n|b| |\u00A0|c");
  CHECK(pre_tokens("\u00E9t\u00E9\u00BD \u751F") == "\u00E9t\u00E9|\u00BD| \u751F");
  CHECK(pre_tokens("...  \t!") == "...|  |\t|!");
}

TEST_CASE("double array: finds its keys and nothing else") {
  std::mt19937 random(3);
  std::vector<std::string> texts;
  for (int i = 0; i < 20000; ++i) {
    std::string text(1 + random() % 6, '\0');
    for (char& byte : text) byte = static_cast<char>(random() % (i % 2 == 0 ? 256 : 5));
    texts.push_back(text);
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::vector<DoubleArray::Key> keys;
  for (size_t i = 0; i < texts.size(); i += 2) keys.push_back({texts[i], static_cast<int32_t>(i)});
  const DoubleArray trie(keys);
  int wrong = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    wrong += trie.find(texts[i]) != (i % 2 == 0 ? static_cast<int32_t>(i) : -1);
  }
  CHECK(wrong == 0);
  CHECK(DoubleArray().find("a") == -1);
}

TEST_CASE("word cache: remembers words, and forgets all when full") {
  WordCache cache;
  int segmented = 0;
  // The ids of a word from the cache. If it does not know the word, it gets {i, -i}.
  const auto ids_of = [&](const std::string& word, int32_t i) {
    std::vector<int32_t> ids = {7};
    cache.append(word, ids, [&] {
      ids.insert(ids.end(), {i, -i});
      ++segmented;
    });
    return ids;
  };
  int wrong = 0;
  constexpr int32_t kWords = 100000;
  for (int32_t i = 0; i < kWords; ++i) {
    const std::string word = "w" + std::to_string(i);
    const std::vector<int32_t> expected = {7, i, -i};
    wrong += ids_of(word, i) != expected || ids_of(word, -1) != expected;
  }
  CHECK(wrong == 0);
  CHECK(segmented == kWords);
  ids_of("w0", 0);  // forgotten since
  CHECK(segmented == kWords + 1);
  const std::string long_word(1000, 'w');
  CHECK(ids_of(long_word, 1) == std::vector<int32_t>{7, 1, -1});
  CHECK(ids_of(long_word, 2) == std::vector<int32_t>{7, 2, -2});
}

// SPDX-License-Identifier: Apache-2.0
