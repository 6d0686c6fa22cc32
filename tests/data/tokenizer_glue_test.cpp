// The ids of every shared GLUE file against recorded digests; SKIPPED without the files.
#include <doctest/doctest.h>

#include <charconv>

#include "core/parallel.h"
#include "tests/data/sha256.h"
#include "tests/data/tokenizer_models.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

struct Columns {
  int header;  // lines
  std::vector<size_t> text;
};

// Where the sentences stand in a file of GLUE.
Columns columns_of(const std::string& file) {
  const auto has = [&](std::string_view part) { return file.find(part) != std::string::npos; };
  if (has("CoLA/")) return has("test") ? Columns{1, {1}} : Columns{0, {3}};
  if (has("SST-2/")) return {1, {has("test_unlabeled") ? size_t{1} : size_t{0}}};
  if (has("MRPC/")) return {1, {3, 4}};
  if (has("STS-B/original")) return {0, {5, 6}};
  if (has("STS-B/")) return {1, {7, 8}};
  if (has("QQP_partial/")) return {0, {3, 4}};
  return {1, {1, 2}};
}

struct Row {
  std::string_view text;
  std::optional<std::string_view> pair;
};

std::vector<Row> read_rows(const std::string& file, std::string_view bytes) {
  const Columns columns = columns_of(file);
  std::vector<std::string_view> lines = split(bytes, '\n');
  if (lines.back().empty()) lines.pop_back();
  std::vector<Row> rows;
  for (size_t i = static_cast<size_t>(columns.header); i < lines.size(); ++i) {
    const std::vector<std::string_view> fields = split(lines[i], '\t');
    if (fields.size() <= columns.text.back()) continue;
    Row row{fields[columns.text[0]], {}};
    if (columns.text.size() == 2) row.pair = fields[columns.text[1]];
    rows.push_back(row);
  }
  return rows;
}

std::string id_lines(const Tokenizer& tokenizer, const std::vector<Row>& rows, int max_length) {
  constexpr int64_t kChunk = 256;
  std::vector<std::string> chunks((rows.size() + kChunk - 1) / kChunk);
  parallel_chunks(static_cast<int64_t>(rows.size()), kChunk, [&](int64_t begin, int64_t end) {
    std::string& out = chunks[static_cast<size_t>(begin / kChunk)];
    for (int64_t i = begin; i < end; ++i) {
      const Row& row = rows[static_cast<size_t>(i)];
      for (const int32_t id : tokenizer.encode(row.text, row.pair, max_length).ids) {
        char digits[12];
        out.append(digits, std::to_chars(digits, digits + 12, id).ptr).push_back(' ');
      }
      out.back() = '\n';
    }
  });
  std::string all;
  for (const std::string& chunk : chunks) all += chunk;
  return all;
}

}  // namespace

TEST_CASE("sha256: the standard's examples") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("tokenizer reference: all GLUE files") {
  const TemporaryFolder folder;
  const auto table = shared_path("fixtures/tokenizer/glue_hashes.tsv");
  const auto glue = shared_path("data/glue");
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Tokenizer>> tokenizers;
  for (const char* kind : {"deberta", "roberta", "bert"}) {
    const auto model = real_tokenizer(folder, kind);
    if (!model || !table || !glue) {
      MESSAGE("SKIPPED: no shared GLUE files or tokenizers");
      return;
    }
    tokenizers[{kind, "fast"}] = load_tokenizer(*model, "fast");
    if (kind == std::string("deberta")) tokenizers[{kind, "slow"}] = load_tokenizer(*model, "slow");
  }
  const std::string text = read_text(*table);
  std::string open_file;
  std::string bytes;
  std::vector<Row> rows;
  int checked = 0;
  for (const std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(line, '\t');
    if (fields.size() != 8 || fields[0] == "task") continue;
    const std::string file(fields[1]);
    const auto tokenizer = tokenizers.find({std::string(fields[2]), std::string(fields[3])});
    if (tokenizer == tokenizers.end()) continue;  // RoBERTa's and BERT's slow forms
    if (file != open_file) {
      open_file = file;
      bytes = read_text(*glue / file);
      rows = read_rows(file, bytes);
    }
    CAPTURE(std::string(line));
    CHECK(std::to_string(rows.size()) == fields[5]);
    const int max_length = std::stoi(std::string(fields[4]));
    CHECK(sha256(id_lines(*tokenizer->second, rows, max_length)) == fields[7]);
    ++checked;
  }
  CHECK(checked >= 200);
}

// SPDX-License-Identifier: Apache-2.0
