#include "data/corpus/corpus.h"

#include <doctest/doctest.h>
#include <lzma.h>

#include <map>

#include "core/parallel.h"
#include "tests/files.h"

namespace soragrad::data {
namespace {

std::string xz(std::string_view text) {
  std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  REQUIRE(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr,
                                  reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                                  reinterpret_cast<uint8_t*>(packed.data()), &size,
                                  packed.size()) == LZMA_OK);
  packed.resize(size);
  return packed;
}

struct Folder : test::TemporaryFolder {
  Folder() {
    write("model/config.json", R"({"model_type": "bert"})");
    std::string vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (int i = 0; i < 200; ++i) vocab += "w" + std::to_string(i) + "\n";
    write("model/vocab.txt", vocab);
    tokenizer = load_tokenizer(*this / "model");
  }
  // `count` words from number `first` on, `line` of them a line, an empty line every five lines.
  static std::string words(int first, int count, int line = 7) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "w" + std::to_string((first + i) % 200);
      text += (i + 1) % line == 0 || i + 1 == count ? "\n" : " ";
      if ((i + 1) % (int64_t{5} * line) == 0) text += "\n";
    }
    return text;
  }
  Corpus corpus(std::string files, int64_t length, bool shuffle, bool repeat) const {
    return Corpus(*tokenizer, {.files = std::move(files),
                               .key = "corpus",
                               .max_length = length,
                               .shuffle = shuffle,
                               .repeat = repeat});
  }
  std::unique_ptr<Tokenizer> tokenizer;
};

std::vector<int32_t> all_tokens(Corpus& corpus) {
  std::vector<int32_t> tokens;
  while (const auto sequence = corpus.next()) {
    REQUIRE(sequence->size() >= 3);
    CHECK(sequence->front() == 2);
    CHECK(sequence->back() == 3);
    tokens.insert(tokens.end(), sequence->begin() + 1, sequence->end() - 1);
  }
  return tokens;
}

std::vector<int32_t> ids(int first, int count) {
  std::vector<int32_t> expected;
  for (int i = 0; i < count; ++i) expected.push_back(5 + (first + i) % 200);
  return expected;
}

std::map<std::string, std::vector<int64_t>> saved(const Corpus& corpus) {
  std::map<std::string, std::vector<int64_t>> state;
  for (const auto& [name, tensor] : corpus.save()) state[name] = tensor.to_vector<int64_t>();
  return state;
}

}  // namespace

TEST_CASE("corpus: one stream of tokens, no token lost, documents joined") {
  const Folder folder;
  const std::string file = folder.write("a.txt", Folder::words(0, 1003));
  Corpus corpus = folder.corpus(file, 18, false, false);
  CHECK(all_tokens(corpus) == ids(0, 1003));
  CHECK(corpus.counts().tokens == 1003);
  CHECK(corpus.counts().documents >= 28);
}

TEST_CASE("corpus: an .xz file is the text that it holds; a long line is cut between words") {
  const Folder folder;
  const std::string text = Folder::words(0, 60000, 1 << 30);  // one line of 280 kB
  const std::string plain = folder.write("a.txt", text), packed = folder.write("b.xz", xz(text));
  Corpus from_plain = folder.corpus(plain, 66, false, false);
  Corpus from_packed = folder.corpus(packed, 66, false, false);
  CHECK(all_tokens(from_plain) == ids(0, 60000));
  CHECK(all_tokens(from_packed) == ids(0, 60000));
  CHECK(from_plain.counts().cut_lines == 4);
  CHECK(from_plain.warnings().size() == 1);
}

TEST_CASE("corpus: files are read side by side, one that is named twice two times") {
  const Folder folder;
  folder.write("x1.txt", Folder::words(0, 100, 10) + std::string(40000, '\n'));
  folder.write("x2.txt", Folder::words(100, 100, 10) + std::string(40000, '\n'));
  Corpus corpus = folder.corpus((folder / "x*.txt").string() + ", " + (folder / "x2.txt").string(),
                                12, false, false);
  std::map<int32_t, int> counts;
  for (const int32_t token : all_tokens(corpus)) ++counts[token];
  CHECK(counts.size() == 200);
  CHECK(counts[5] == 1);
  CHECK(counts[105] == 2);
}

TEST_CASE("corpus: a resumed corpus goes on as if it had never stopped, with any threads") {
  const Folder folder;
  const std::string a = folder.write("a.txt", Folder::words(0, 40000));
  const std::string b = folder.write("b.xz", xz(Folder::words(100, 30000, 900)));
  const int before = num_threads();
  for (const bool shuffle : {false, true}) {
    set_num_threads(1);
    Corpus whole = folder.corpus(a + "," + b, 34, shuffle, true);
    std::vector<std::vector<int32_t>> expected;
    for (int i = 0; i < 6000; ++i) expected.push_back(*whole.next());
    CHECK(whole.counts().epoch >= 2);
    set_num_threads(2);
    for (const int stop : {1, 700, 2900}) {
      Corpus first = folder.corpus(a + "," + b, 34, shuffle, true);
      for (int i = 0; i < stop; ++i) CHECK(first.next() == expected[static_cast<size_t>(i)]);
      const auto state = saved(first);
      Corpus second = folder.corpus(a + "," + b, 34, shuffle, true);
      second.load([&](const std::string& name) { return state.at(name); });
      CHECK(saved(second) == state);
      for (size_t i = static_cast<size_t>(stop); i < 6000; ++i) {
        if (second.next() != expected[i]) FAIL("sequence " << i << " differs");
      }
    }
  }
  set_num_threads(before);
}

TEST_CASE("corpus: after a file that cannot be read the state is that of the sequences before") {
  const Folder folder;
  const std::string a = folder.write("a.txt", Folder::words(0, 1000));
  const std::string b = folder.write("b.txt", Folder::words(100, 3000));
  for (const bool shuffle : {false, true}) {
    Corpus whole = folder.corpus(a + "," + b, 34, shuffle, true);
    std::vector<std::vector<int32_t>> expected;
    for (int i = 0; i < 1000; ++i) expected.push_back(*whole.next());
    Corpus broken = folder.corpus(a + "," + b, 34, shuffle, true);
    size_t taken = 0;
    while (taken < 50) CHECK(broken.next() == expected[taken++]);
    std::filesystem::rename(b, b + ".away");
    const std::string message = test::message_of([&] {
      while (taken < 600) {
        const auto sequence = broken.next();
        CHECK(sequence == expected[taken++]);
      }
    });
    CHECK(test::contains(message, "b.txt"));
    std::filesystem::rename(b + ".away", b);
    const auto state = saved(broken);
    Corpus second = folder.corpus(a + "," + b, 34, shuffle, true);
    second.load([&](const std::string& name) { return state.at(name); });
    for (; taken < 1000; ++taken) {
      if (second.next() != expected[taken]) FAIL("sequence " << taken << " differs");
      broken.next();
    }
    CHECK(saved(second) == saved(broken));
    CHECK(saved(second) == saved(whole));
  }
}

TEST_CASE("corpus: shuffled sequences are those of the files, in another order") {
  const Folder folder;
  const std::string file = folder.write("a.txt", Folder::words(0, 9000));
  Corpus in_order = folder.corpus(file, 20, false, false),
         mixed = folder.corpus(file, 20, true, false);
  std::vector<std::vector<int32_t>> expected, actual;
  while (const auto sequence = in_order.next()) expected.push_back(*sequence);
  while (const auto sequence = mixed.next()) actual.push_back(*sequence);
  CHECK(actual != expected);
  std::sort(expected.begin(), expected.end());
  std::sort(actual.begin(), actual.end());
  CHECK(actual == expected);
}

TEST_CASE("corpus: NUL bytes and invalid UTF-8 are counted, and named once") {
  const Folder folder;
  const std::string file =
      folder.write("a.txt", std::string("w1\0w2\nw3 \xff\nw4 \xc3\x28\n\0\n", 19));
  Corpus corpus = folder.corpus(file, 8, false, false);
  const std::vector<int32_t> tokens = all_tokens(corpus);
  CHECK(tokens == std::vector<int32_t>{6, 7, 8, 9, 1});
  CHECK(corpus.counts().nul_bytes == 2);
  CHECK(corpus.counts().invalid_utf8 == 2);
  CHECK(corpus.warnings().size() == 2);
  CHECK(corpus.warnings().empty());
}

TEST_CASE("corpus: what is no text is refused in one line") {
  const Folder folder;
  const auto message = [&](const std::string& files) {
    return test::message_of([&] {
      Corpus corpus = folder.corpus(files, 8, true, true);
      corpus.next();
    });
  };
  const std::string packed = xz(Folder::words(0, 5000));
  folder.write("half.xz", packed.substr(0, packed.size() / 2));
  folder.write("fake.xz", "this is text");
  std::string damaged = packed;
  damaged[packed.size() / 2] ^= 0x55;
  folder.write("damaged.xz", damaged);
  folder.write("empty.txt", "");
  folder.write("blank.txt", "\n\n   \n");
  CHECK(test::contains(message((folder / "half.xz").string()), "truncated"));
  CHECK(test::contains(message((folder / "fake.xz").string()), "is no .xz file"));
  CHECK(test::contains(message((folder / "damaged.xz").string()), "is damaged"));
  CHECK(test::contains(message(folder.path().string()), "is a folder"));
  CHECK(test::contains(message((folder / "none.txt").string()), "cannot be opened"));
  CHECK(test::contains(message((folder / "none*.txt").string()), "no file fits"));
  CHECK(test::contains(message(" , "), "names no file"));
  CHECK(test::contains(message((folder / "empty.txt").string()), "no text"));
  CHECK(test::contains(message((folder / "blank.txt").string()), "no text"));
  CHECK(test::contains(message("/dev/zero"), "no regular file"));
  folder.write("packed.txt", packed);
  CHECK(test::contains(message((folder / "packed.txt").string()), "is packed by xz"));
}

TEST_CASE("corpus: a checkpoint of other files is refused") {
  const Folder folder;
  const std::string a = folder.write("a.txt", Folder::words(0, 400));
  const std::string b = folder.write("b.txt", Folder::words(0, 401));
  const auto state = saved(folder.corpus(a, 8, true, true));
  Corpus other = folder.corpus(b, 8, true, true);
  CHECK(test::contains(test::message_of([&] {
                         other.load([&](const std::string& name) { return state.at(name); });
                       }),
                       "Resume with the same corpus"));
}

TEST_CASE("corpus: long text is cut after a blank, else between characters") {
  CHECK(cut_point("abc def ghi", 10) == 8);
  CHECK(cut_point("abcdefghijkl", 10) == 10);
  CHECK(cut_point("aaaaaaaaa\xc3\xa4", 10) == 9);
  CHECK(cut_point("\x80\x80\x80\x80\x80\x80", 5) == 5);  // no UTF-8 anyway
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
