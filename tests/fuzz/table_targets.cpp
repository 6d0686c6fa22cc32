// Own data: tables of every format, rows with their labels, split.json; corpora; a run's
// checkpoint.
#include <filesystem>

#include "data/corpus/line_reader.h"
#include "data/custom/custom.h"
#include "data/table/table.h"
#include "tests/data/table/parquet_writer.h"
#include "tests/files.h"
#include "tests/fuzz/targets.h"
#include "train/run/run_state.h"

namespace soragrad::fuzz {

namespace {

const test::TemporaryFolder& folder() {
  static const test::TemporaryFolder root;
  return root;
}

// Reads all columns and looks at every byte of the cells.
void read_table(const char* format, std::string_view bytes) {
  const auto table = data::read_table("file", std::string(bytes), {.format = format});
  std::vector<size_t> wanted;
  for (size_t i = 0; i < table->columns().size(); ++i) {
    if (table->is_readable(i)) wanted.push_back(i);
  }
  uint64_t sum = 0;
  const auto look_at = [&sum](const data::Cell& cell) {
    for (const char c : cell.text()) sum += static_cast<unsigned char>(c);
  };
  for (const data::Column& column : table->read(wanted)) {
    for (const data::Cell& cell : column.cells) {
      look_at(cell);
      for (const data::Cell& item : cell.items()) look_at(item);
    }
  }
  if (table->rows() > 0) sum += table->where(table->rows() - 1).size();
  [[maybe_unused]] static volatile uint64_t seen;
  seen = sum;
}

// Any text is a table of lines; what can train is less.
void read_fasttext(std::string_view bytes) {
  read_table("fasttext", bytes);
  data::load_custom({.train_files = {folder().write("rows.txt", bytes)}});
}

void read_own_data(std::string_view bytes) {
  const std::string path = folder().write("rows.jsonl", bytes);
  const data::CustomData data = data::load_custom({.train_files = {path}});
  const std::string record = data::split_json(data, {});
  data::require_same_files(record, "split.json", data);
}

void read_split(std::string_view bytes) {
  static const std::string path = folder().write("train.csv", "text,label\na,x\nb,y\nc,x\nd,y\n");
  static const data::CustomData data = data::load_custom({.train_files = {path}});
  data::require_same_files(bytes, "split.json", data);
}

// NAME decides how the bytes are read: a name that ends in .xz is unpacked.
void read_corpus(std::string_view name, std::string_view bytes) {
  const std::string path = folder().write(name, bytes);
  data::LineReader reader(path, 0);
  data::TextLine line;
  while (reader.next(line)) {
  }
  data::LineReader(path, reader.offset()).next(line);
}

void read_state(std::string_view bytes) {
  folder().write("step-1/state.json", bytes);
  train::read_checkpoint(folder() / "step-1");
}

std::vector<std::string> parquet_seeds() {
  using test::ParquetColumn;
  ParquetColumn text{.name = "text"}, label{.name = "label", .kind = ParquetColumn::Kind::int64},
      tags{.name = "tags", .kind = ParquetColumn::Kind::list};
  for (int row = 0; row < 6; ++row) {
    text.texts.push_back(row == 3 ? std::nullopt : std::optional("t" + std::to_string(row % 2)));
    label.texts.push_back(std::to_string(row % 2));
    tags.lists.push_back(std::vector<std::string>{"a", "b"});
  }
  const std::vector<ParquetColumn> columns{text, label, tags};
  const std::string classes = R"({"info":{"features":{"label":{"names":["no","yes"],)"
                              R"("_type":"ClassLabel"}}}})";
  return {test::parquet_bytes(columns), test::parquet_bytes(columns, {.dictionary = true}),
          test::parquet_bytes(columns, {.page_v2 = true, .codec = 1, .huggingface = classes}),
          test::parquet_bytes(columns, {.dictionary = true, .codec = 6, .rows_of_a_group = 4})};
}

// "a line\n\na second\n" by xz.
std::vector<std::string> xz_seeds() {
  constexpr unsigned char kBytes[] = {
      0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02,
      0x00, 0x21, 0x01, 0x16, 0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00,
      0x10, 0x61, 0x20, 0x6c, 0x69, 0x6e, 0x65, 0x0a, 0x0a, 0x61, 0x20, 0x73, 0x65,
      0x63, 0x6f, 0x6e, 0x64, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x3f, 0xbe, 0x81, 0x2b,
      0xb1, 0x42, 0xac, 0x81, 0x00, 0x01, 0x29, 0x11, 0x32, 0x0a, 0x70, 0x0e, 0x1f,
      0xb6, 0xf3, 0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a};
  return {std::string(std::begin(kBytes), std::end(kBytes))};
}

template <typename... Texts>
std::vector<std::string> seeds(Texts... texts) {
  return {std::string(texts)...};
}

constexpr Target kTargets[] = {
    {"csv", [](std::string_view bytes) { read_table("csv", bytes); },
     [] { return seeds("id,text,label\n1,\"a, \"\"b\"\"\nc\",x\r\n\n2,d,y\n", "a\n\"b\"\n"); }},
    {"tsv", [](std::string_view bytes) { read_table("tsv", bytes); },
     [] { return seeds("text\tlabel\na \"b\tx\nc\ty\r\n"); }},
    {"jsonl", [](std::string_view bytes) { read_table("jsonl", bytes); },
     [] {
       return seeds(R"({"text":"a \u00e9\n","label":1.50,"tags":["x",1,true]})"
                    "\n"
                    R"({"label":null,"o":{"k":[1,2]},"text":"\ud83d\ude00"})"
                    "\n",
                    R"([{"text":"a","label":"x"},{"text":"b","label":"y"}])");
     }},
    {"fasttext", read_fasttext,
     [] {
       return seeds("__label__a one\n__label__b two\n__label__a three\n__label__b four\n",
                    "__label__a __label__b one\n__label__b two\nthree\n");
     }},
    {"parquet", [](std::string_view bytes) { read_table("parquet", bytes); }, parquet_seeds},
    {"own_data", read_own_data,
     [] {
       return seeds(
           "{\"text\":\"a\",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":\"y\"}\n"
           "{\"text\":\"c\",\"label\":\"x\"}\n{\"text\":\"d\",\"label\":\"y\"}\n",
           "{\"text\":\"a\",\"label\":[\"x\",\"y\"]}\n{\"text\":\"b\",\"label\":[]}\n"
           "{\"text\":\"c\",\"label\":[\"x\"],\"weight\":2}\n",
           "{\"text\":\"a\",\"label\":1.5}\n{\"text\":\"b\",\"label\":2}\n"
           "{\"text\":\"c\",\"label\":-3e1}\n");
     }},
    {"split_json", read_split,
     [] {
       const std::string path = folder().write("other.csv", "text,label\na,x\nb,y\nc,x\nd,y\n");
       const data::CustomKeys keys{.train_files = {path}};
       return seeds(data::split_json(data::load_custom(keys), keys));
     }},
    {"corpus", [](std::string_view bytes) { read_corpus("corpus.txt", bytes); },
     [] { return seeds("a line\r\n\na second \u00e9\n", "\xef\xbb\xbfone\n\n\ntwo"); }},
    {"corpus_xz", [](std::string_view bytes) { read_corpus("corpus.txt.xz", bytes); }, xz_seeds},
    {"checkpoint_state", read_state,
     [] {
       return seeds(R"({"step":1,"phase":0,"phase_step":1,"phase_ended":false,"best_step":0,)"
                    R"("evaluation_due":true,"best_value":0.5,"waited":0,"best_validation":null,)"
                    R"("last_validation":{},"phases":[],"tokens":9,"seconds":1.5,"step_seconds":1,)"
                    R"("metrics_bytes":10,"event_bytes":20,"event_file":"e","unlogged":"",)"
                    R"("layout":"x","keys":{"seed":"42"}})");
     }},
};

}  // namespace

std::span<const Target> table_targets() {
  return kTargets;
}

}  // namespace soragrad::fuzz

// SPDX-License-Identifier: Apache-2.0
