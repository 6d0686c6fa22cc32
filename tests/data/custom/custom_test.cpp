#include "data/custom/custom.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/data/table/parquet_writer.h"
#include "tests/files.h"

namespace soragrad::data {
namespace {

using test::contains;
using test::message_of;

struct OwnFolder {
  test::TemporaryFolder files;

  CustomKeys keys(std::string_view text, std::string_view name = "rows.csv") const {
    CustomKeys keys;
    keys.train_files = {files.write(name, text)};
    return keys;
  }
};

std::set<std::string> kinds(const CustomData& data) {
  std::set<std::string> result;
  for (const CustomWarning& warning : data.warnings) result.insert(warning.kind);
  return result;
}

}  // namespace

TEST_CASE("own data: texts of missing values are labels, blanks are trimmed, empty ones drop") {
  const OwnFolder folder;
  const CustomData data =
      load_custom_train(folder.keys("text,label\na, NA \nb,None\nc,\nd,nan\n,NA\n"));
  CHECK(data.task->labels == std::vector<std::string>{"NA", "None", "nan"});
  CHECK(data.label_counts == std::vector<int64_t>{2, 1, 1});
  CHECK(data.dropped() == 1);
  CHECK(data.train.rows.rows.back().text_a == "");
  const CustomData split = load_custom(folder.keys("text,label\na,x\nb,\nc,y\nd,x\ne,y\n"));
  REQUIRE(split.warnings.size() == 1);
  CHECK(split.warnings[0].text().ends_with("rows.csv:3"));
}

TEST_CASE("own data: whole numbers are classes by value, a point makes a regression") {
  const OwnFolder folder;
  CHECK(load_custom_train(folder.keys("text,label\na,10\nb,9\nc,-2\n")).task->labels ==
        std::vector<std::string>{"-2", "9", "10"});
  const CustomData scores = load_custom_train(folder.keys("text,label\na,1\nb,2.5\nc,3e1\n"));
  CHECK(scores.task->regression());
  CHECK(scores.train.rows.rows[2].score == 30.0f);
  CHECK_FALSE(load_custom_train(folder.keys("text,label\na,1.5\nb,inf\n")).task->regression());
}

TEST_CASE("own data: a column that was found is searched anew in a file that names it otherwise") {
  const OwnFolder folder;
  CustomKeys keys = folder.keys("text,label\na,x\nb,y\n");
  keys.validation_files = {folder.files.write("dev.csv", "sentence,target\nc,x\n")};
  const CustomData found = load_custom(keys);
  CHECK(found.train.files[0].text_column == "text");
  CHECK(found.validation.files[0].text_column == "sentence");
  CHECK(found.validation.files[0].label_column == "target");
  keys.text_column = "text";
  keys.label_column = "label";
  CHECK(contains(message_of([&] { load_custom(keys); }),
                 "dev.csv] text_column is \"text\", but the columns are \"sentence\", "
                 "\"target\"; name one of these, or set text_column=auto to search anew."));
  keys.columns_were_found = true;
  CHECK(load_custom(keys).validation.rows.rows[0].text_a == "c");
  keys.id_column = "number";
  CHECK(contains(message_of([&] { load_custom(keys); }), "id_column is \"number\""));
}

TEST_CASE("own data: scores keep digits that a 32-bit number has not") {
  const OwnFolder folder;
  const CustomData data =
      load_custom_train(folder.keys("text,label\na,1700000000.5\na,1700000001.5\nb,-1.96\n"));
  CHECK(data.train.rows.rows[0].score == 1700000000.5);
  CHECK(data.train.rows.rows[1].score == 1700000001.5);
  CHECK(data.train.rows.rows[2].score == -1.96);
  CHECK(contains(message_of([&] { load_custom_train(folder.keys("text,label\na,1.5\nb,1e39\n")); }),
                 "rows.csv:3] the label \"1e39\" is too large"));
}

TEST_CASE("own data: the model's classes in another order win if they are the same set") {
  const OwnFolder folder;
  const CustomKeys keys = folder.keys("text,label\na,no\nb,yes\n");
  const std::vector<std::string> same = {"yes", "no"}, other = {"yes", "no", "maybe"};
  CHECK(load_custom_train(keys, same).task->labels == same);
  CHECK(load_custom_train(keys, other).task->labels == std::vector<std::string>{"no", "yes"});
}

TEST_CASE("own data: names of a ClassLabel are trimmed; empty ones and two alike are refused") {
  const OwnFolder folder;
  const auto keys = [&](const char* names) {
    test::ParquetColumn text{.name = "text"},
        label{.name = "label", .kind = test::ParquetColumn::Kind::int64};
    for (const char* number : {"0", "1", "2", "0"}) {
      text.texts.push_back("a");
      label.texts.push_back(number);
    }
    test::ParquetOptions options;
    options.huggingface = fmt::format(
        R"({{"info":{{"features":{{"label":{{"names":{},"_type":"ClassLabel"}}}}}}}})", names);
    return folder.keys(test::parquet_bytes({text, label}, options), "rows.parquet");
  };
  CHECK(load_custom_train(keys(R"([" neg","mid","pos "])")).task->labels ==
        std::vector<std::string>{"neg", "mid", "pos"});
  const auto refusal = [&](const char* names) {
    return message_of([&] { load_custom_train(keys(names)); });
  };
  CHECK(contains(refusal(R"(["neg","mid"," neg"])"),
                 "rows.parquet] classes 0 and 2 of column \"label\" are both named \"neg\""));
  CHECK(contains(refusal(R"(["neg","","pos"])"),
                 "rows.parquet] class 1 of column \"label\" has an empty name"));
  CustomKeys scores = keys(R"(["neg","","neg"])");
  scores.problem_type = "regression";
  CHECK(load_custom_train(scores).train.rows.rows[2].score == 2);
}

TEST_CASE("own data: several labels of a cell or a JSON list") {
  const OwnFolder folder;
  CustomKeys keys = folder.keys("text,label\na,x; y\nb,\nc,y;;\n");
  keys.label_separator = ";";
  const CustomData cells = load_custom_train(keys);
  CHECK(cells.task->problem_type == ProblemType::multi_label_classification);
  CHECK(cells.train.rows.rows[0].classes == std::vector<int32_t>{0, 1});
  CHECK(cells.dropped() == 1);
  const CustomData lists = load_custom_train(folder.keys(
      "{\"text\":\"a\",\"label\":[]}\n{\"text\":\"b\",\"label\":[\"q\"]}\n", "r.jsonl"));
  CHECK(lists.train.rows.rows.size() == 2);
  CHECK(lists.train.rows.rows[0].classes.empty());
}

TEST_CASE("own data: what cannot be is refused by file, line and value") {
  const OwnFolder folder;
  const auto refusal = [&](CustomKeys keys) { return message_of([&] { load_custom(keys); }); };
  CHECK(contains(refusal(folder.keys("text,lable\na,b\n")), "\"text\", \"lable\""));
  CHECK(contains(refusal(folder.keys("text,label,target\na,b,c\n")), "\"label\", \"target\""));
  CHECK(contains(refusal(folder.keys("text,label\na,\n")), "no row has a label"));
  CHECK(contains(refusal(folder.keys("text,label\n")), "rows.csv] no rows in this file, only a h"));
  CHECK(refusal(folder.keys("", "rows.txt")).ends_with("rows.txt] no rows in this file."));
  CHECK(contains(refusal(folder.keys("text,label\na,x\nb,x\n")), "one class"));
  CHECK(contains(refusal(folder.keys("text;label\na;x\n")), "separated by commas (csv)"));
  CHECK(contains(refusal(folder.keys("text\tlabel\na\tx\n")), "set format=tsv"));
  CHECK(contains(refusal(folder.keys("text,label\na,x\n", "rows.tsv")), "set format=csv"));
  CHECK(contains(refusal(folder.keys("[{\"text\": \"a\"}]\n", "rows.json")), "one object a line"));
  CustomKeys listed = folder.keys("text,label\na,x\nb,y\nc,z\n");
  listed.labels = {"x", "y"};
  CHECK(contains(refusal(listed), "rows.csv:4] the label \"z\""));
  CustomKeys unknown = folder.keys("text,label\na,x\nb,y\n");
  unknown.validation_files = {folder.files.write("dev.csv", "text,label\nc,x\nd,zebra\n")};
  CHECK(contains(refusal(unknown), "dev.csv:3] the label \"zebra\""));
  unknown.ignores_unknown_labels = true;
  CHECK(load_custom(unknown).validation.rows.size() == 1);
  CustomKeys weighted = folder.keys("text,label,w\na,x,1\nb,y,-2\n");
  weighted.weight_column = "w";
  CHECK(contains(refusal(weighted), "rows.csv:3] the weight \"-2\""));
  CustomKeys weightless = folder.keys("text,label,w\na,x,0\nb,y,0.0\n");
  weightless.weight_column = "w";
  CHECK(contains(refusal(weightless), "rows.csv] every row has the weight 0"));
  weightless.train_files.push_back(folder.files.write("more.csv", "text,label,w\nc,x,1\n"));
  CHECK(refusal(weightless) == "");
}

TEST_CASE("own data: leaks, conflicts and similar labels are warnings with counts") {
  const OwnFolder folder;
  CustomKeys keys = folder.keys("text,label\na,Spam\nb,spam\nb,ham\nc,ham\nc,ham\n");
  keys.validation_files = {folder.files.write("dev.csv", "text,label\nc,ham\nnew,ham\n")};
  const CustomData data = load_custom(keys);
  CHECK(kinds(data) ==
        std::set<std::string>{"similar_labels", "leak", "conflicting_labels", "duplicates"});
}

TEST_CASE("own data: nearly as many classes as rows are a warning") {
  const OwnFolder folder;
  std::string rows = "text,label\na,nan\n";
  for (int i = 0; i < 30; ++i) rows += fmt::format("t{},{}.5\n", i, i);
  CHECK(kinds(load_custom(folder.keys(rows))).contains("many_labels"));
  for (int i = 0; i < 40; ++i) rows += fmt::format("u{},1.5\n", i);
  CHECK_FALSE(kinds(load_custom(folder.keys(rows))).contains("many_labels"));
}

TEST_CASE("own data: labels that look alike are another kind than those of other case or blanks") {
  const OwnFolder folder;
  const auto label_kinds = [&](const std::string& a, const std::string& b) {
    std::set<std::string> found =
        kinds(load_custom(folder.keys("text,label\na," + a + "\nb," + b + "\nc,no\nd,no\n")));
    std::erase_if(found, [](const std::string& kind) { return !kind.ends_with("_labels"); });
    return found;
  };
  using Kinds = std::set<std::string>;
  CHECK(label_kinds("Spam", "spam") == Kinds{"similar_labels"});
  CHECK(label_kinds("not spam", "NotSpam") == Kinds{"similar_labels"});
  CHECK(label_kinds("caf\xc3\xa9", "cafe\xcc\x81") == Kinds{"lookalike_labels"});
  CHECK(label_kinds("\xc3\x89t\xc3\xa9", "\xc3\xa9t\xc3\xa9") == Kinds{"lookalike_labels"});
  CHECK(label_kinds("yes", "yes\xc2\xa0") == Kinds{"lookalike_labels"});
  CHECK(label_kinds("caf\xc3\xa9", "cafe").empty());
}

TEST_CASE("own data: split.json tells other bytes") {
  const OwnFolder folder;
  CustomKeys keys = folder.keys("text,label\na,x\nb,y\nc,x\nd,y\n");
  keys.validation_split = 0.5;
  const CustomData data = load_custom(keys);
  const std::string record = split_json(data, keys);
  require_same_files(record, "split.json", data);
  CHECK(contains(record, "\"validation_rows\":[["));
  const CustomData other = load_custom(folder.keys("text,label\na,x\nb,y\nc,x\nd,y\ne,y\n"));
  CHECK(contains(message_of([&] { require_same_files(record, "split.json", other); }),
                 "has other bytes"));
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
