#include "data/tokenizer/training/train_tokenizer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/training/bpe_trainer.h"
#include "tests/files.h"

namespace soragrad::data {
namespace {

// Text of a small language: enough words for each trainer.
std::string text() {
  const char* stems[] = {"walk", "talk", "jump", "house", "mouse", "green", "quick", "light"};
  const char* endings[] = {"", "s", "ed", "ing", "er", "ly"};
  std::string lines;
  uint32_t random = 12345;
  for (int line = 0; line < 400; ++line) {
    for (int word = 0; word < 12; ++word) {
      random = random * 1664525u + 1013904223u;
      lines += stems[random >> 29];
      random = random * 1664525u + 1013904223u;
      lines += endings[(random >> 24) % 6];
      lines += word == 11 ? ".\n" : " ";
    }
  }
  return lines;
}

struct Trained : test::TemporaryFolder {
  Trained(const std::string& type, int64_t size) {
    const std::string corpus = write("corpus.txt", text());
    result = train_tokenizer({.model_type = type,
                              .vocab_size = size,
                              .corpus = corpus,
                              .output = (*this / "model").string()});
    write("model/config.json", "{\"model_type\": \"" + type + "\"}");
    tokenizer = load_tokenizer(*this / "model");
  }
  size_t tokens(std::string_view line) const { return tokenizer->encode(line).ids.size() - 2; }
  TrainedTokenizer result;
  std::unique_ptr<Tokenizer> tokenizer;
};

}  // namespace

TEST_CASE("train_bpe: the example of the paper") {
  // low 5, lower 2, newest 6, widest 3; letters in the order of their ids.
  BpeVocabulary vocabulary;
  const std::string letters = "_deilnorstw";
  for (const char c : letters) vocabulary.tokens.emplace_back(1, c);
  const auto word = [&](const std::string& spelled, int64_t count) {
    BpeWord result{{}, count};
    for (const char c : spelled) result.symbols.push_back(static_cast<int32_t>(letters.find(c)));
    return result;
  };
  train_bpe({word("low_", 5), word("lower_", 2), word("newest_", 6), word("widest_", 3)}, 16, 1, "",
            vocabulary);
  std::vector<std::string> merged(vocabulary.tokens.begin() + 11, vocabulary.tokens.end());
  CHECK(merged == std::vector<std::string>{"es", "t_", "est_", "lo", "low"});
}

TEST_CASE("train_bpe: equal neighbours, and a prefix of inner pieces") {
  BpeVocabulary vocabulary{{"a", "##a", "##b"}, {}};
  train_bpe({{{0, 1, 1, 1, 1}, 3}, {{0, 2}, 2}}, 7, 1, "##", vocabulary);
  // ##a ##a occurs three times a word: (a ##a)(##aa)(##a) after the first merge from the left.
  CHECK(vocabulary.tokens[3] == "##aa");
  CHECK(vocabulary.merges[0] == std::pair<int32_t, int32_t>{1, 1});
  CHECK(vocabulary.tokens[4] == "aaa");
  CHECK(vocabulary.tokens[5] == "aaaaa");
}

TEST_CASE("train_tokenizer: deberta-v2 writes an spm.model with the family's special tokens") {
  const Trained trained("deberta-v2", 340);
  CHECK(trained.tokenizer->pad_id() == 0);
  CHECK(trained.tokenizer->cls_id() == 1);
  CHECK(trained.tokenizer->sep_id() == 2);
  CHECK(trained.tokenizer->unk_id() == 3);
  CHECK(trained.tokenizer->mask_id() == 339);
  CHECK(trained.tokens("walking houses") <= 4);
  CHECK(trained.tokenizer->encode("\xe2\x98\x83").ids.size() >= 5);  // bytes, no [UNK]
  const std::vector<int32_t> ids = trained.tokenizer->encode("walk [MASK] talk").ids;
  CHECK(std::count(ids.begin(), ids.end(), 339) == 1);
}

TEST_CASE("train_tokenizer: roberta writes vocab.json and merges.txt") {
  const Trained trained("roberta", 400);
  CHECK(trained.tokenizer->cls_id() == 0);
  CHECK(trained.tokenizer->pad_id() == 1);
  CHECK(trained.tokenizer->sep_id() == 2);
  CHECK(trained.tokenizer->unk_id() == 3);
  CHECK(trained.tokenizer->mask_id() == trained.result.vocab_size - 1);
  CHECK(trained.tokens(" walking houses") == 2);
  CHECK(trained.tokens("\xe2\x98\x83") == 3);
}

TEST_CASE("train_tokenizer: bert writes vocab.txt in lower case") {
  const Trained trained("bert", 150);
  CHECK(trained.tokenizer->pad_id() == 0);
  CHECK(trained.tokenizer->unk_id() == 1);
  CHECK(trained.tokenizer->cls_id() == 2);
  CHECK(trained.tokenizer->sep_id() == 3);
  CHECK(trained.tokenizer->mask_id() == 4);
  CHECK(trained.tokens("Walking HOUSES.") == 3);
  CHECK(trained.tokenizer->encode("\xe2\x98\x83").ids[1] == 1);
}

TEST_CASE("train_tokenizer: sizes and corpora that do not fit are refused in one line") {
  const test::TemporaryFolder folder;
  const std::string corpus = folder.write("a.txt", "a b c\n"), empty = folder.write("b.txt", "");
  const auto message = [&](const std::string& type, int64_t size, const std::string& files) {
    return test::message_of([&] {
      train_tokenizer({.model_type = type,
                       .vocab_size = size,
                       .corpus = files,
                       .output = (folder / "out").string()});
    });
  };
  CHECK(test::contains(message("gpt", 300, corpus), "deberta-v2, roberta and bert are known"));
  CHECK(test::contains(message("roberta", 260, corpus), "at least 261"));
  CHECK(test::contains(message("bert", 6, corpus), "are 8 already"));
  CHECK(test::contains(message("deberta-v2", 100, corpus), "at least 262"));
  CHECK(message("deberta-v2", 5000, corpus) ==
        "[train-tokenizer] " + corpus +
            ": the text has words for a vocabulary of at most 265 tokens, not of 5000; lower "
            "--vocab-size or add text.");
  CHECK(message("deberta-v2", 262, corpus) ==
        "[train-tokenizer] " + corpus +
            ": a vocabulary of 262; special tokens, 256 bytes and the text's characters are 265 "
            "already. Raise --vocab-size.");
  for (const char* blank : {"\xe2\x96\x81 \xe2\x96\x81\xe2\x96\x81\n", "\x01\x02 \x03\n"}) {
    const std::string file = folder.write("blank.txt", blank);
    CHECK(test::contains(message("deberta-v2", 300, file), "no character that is printed"));
  }
  CHECK(test::contains(message("bert", 300, empty), "no text"));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
