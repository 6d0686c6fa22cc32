// The train, dev and test file of every task, with the traps that real files contain.
#include "data/glue_file.h"

#include <doctest/doctest.h>

#include "data/glue_folder.h"
#include "tests/data/table/parquet_writer.h"
#include "tests/files.h"

using namespace soragrad;
using namespace soragrad::data;
using namespace soragrad::test;

namespace {

Dataset load(const TemporaryFolder& folder, const char* task, std::string_view bytes,
             Labels labels = Labels::if_present) {
  return load_glue_file(find_task(task), folder.write("file.tsv", bytes), labels);
}

std::string load_error(const TemporaryFolder& folder, const char* task, std::string_view bytes,
                       Labels labels = Labels::if_present) {
  const std::string file = folder / "file.tsv";
  std::string message = message_of([&] { load(folder, task, bytes, labels); });
  const size_t at = message.find(file);
  return at == std::string::npos ? message : message.replace(at, file.size(), "FILE");
}

void check_row(const Example& row, std::string_view text_a, std::string_view text_b, int64_t label,
               int64_t index) {
  CHECK(row.text_a == text_a);
  CHECK(row.text_b == text_b);
  CHECK(row.label == label);
  CHECK(row.index == index);
}

}  // namespace

TEST_CASE("glue file: cola has no header in train and dev, one in test") {
  const TemporaryFolder folder;
  const Dataset dev =
      load(folder, "cola", "gj04\t1\t\tHe said \"go.\ngj04\t0\t*\t\"Quoted\"\ngj04\t1\t\n");
  CHECK(dev.labelled);
  CHECK(dev.dropped == 1);
  REQUIRE(dev.size() == 2);
  check_row(dev.rows[0], "He said \"go.", "", 1, 0);
  check_row(dev.rows[1], "\"Quoted\"", "", 0, 1);

  const Dataset test = load(folder, "cola", "index\tsentence\n0\tBill left.\n1\tJohn.\n");
  CHECK_FALSE(test.labelled);
  REQUIRE(test.size() == 2);
  check_row(test.rows[1], "John.", "", -1, 1);
}

TEST_CASE("glue file: cola's first rows may be short or wrong, and are rows all the same") {
  const TemporaryFolder folder;
  const Dataset dev = load(folder, "cola", "gj04\t1\n12\tx\ngj04\t1\t\tFine.\n");
  CHECK(dev.dropped == 2);
  REQUIRE(dev.size() == 1);
  check_row(dev.rows[0], "Fine.", "", 1, 2);
  CHECK(load_error(folder, "cola", "gj04\t7\t\tA.\ngj04\t1\t\tB.\n") ==
        "[cola] FILE:1: unknown label \"7\"; expected unacceptable, acceptable or 0 to 1.");
  CHECK(load_error(folder, "cola", "gj04\t7\t\tA.\n").starts_with("[cola] FILE:1: unknown label"));
}

TEST_CASE("glue file: sst2 keeps its trailing space; CR LF and a header of other names pass") {
  const TemporaryFolder folder;
  const Dataset dev =
      load(folder, "sst2", "sentence\tlabel\r\na \"fine\" film . \t1\r\nbad \t0\r\n");
  REQUIRE(dev.size() == 2);
  check_row(dev.rows[0], "a \"fine\" film . ", "", 1, 0);
  check_row(dev.rows[1], "bad ", "", 0, 1);
  const Dataset test = load(folder, "sst2", "index\tsentence\n0\tgood\n");
  CHECK_FALSE(test.labelled);
  check_row(test.rows.at(0), "good", "", -1, 0);
  // A copy in circulation heads the index with "label".
  const Dataset odd = load(folder, "sst2", "label\tcontent\n0\tno movement\n1\tgood\n");
  CHECK_FALSE(odd.labelled);
  REQUIRE(odd.size() == 2);
  check_row(odd.rows[1], "good", "", -1, 1);
}

TEST_CASE("glue file: mrpc with its byte order mark, in both forms") {
  const TemporaryFolder folder;
  const Dataset dev = load(folder, "mrpc",
                           "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
                           "1\t7\t8\tHe said.\t\"He did not.\n0\t9\t10\tA\tB\n");
  REQUIRE(dev.size() == 2);
  CHECK(dev.labelled);
  check_row(dev.rows[0], "He said.", "\"He did not.", 1, 0);
  const Dataset test = load(folder, "mrpc",
                            "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n"
                            "0\t7\t8\tA\tB\n1\t7\t8\tC\tD\n");
  CHECK_FALSE(test.labelled);
  REQUIRE(test.size() == 2);
  check_row(test.rows[1], "C", "D", -1, 1);
}

TEST_CASE("glue file: qqp drops short rows and counts them, but numbers them too") {
  const TemporaryFolder folder;
  const Dataset train =
      load(folder, "qqp",
           "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n133273\t1\t2\tWhy?\tHow?\t0\n"
           "5\t3\t4\tOnly one?\n6\t5\t6\tA?\tB? 0\n7\t7\t8\tC?\tD?\t1\n8\t9\t9\tE?\tF?\t\n");
  CHECK(train.dropped == 3);
  REQUIRE(train.size() == 2);
  check_row(train.rows[0], "Why?", "How?", 0, 0);
  check_row(train.rows[1], "C?", "D?", 1, 3);
  const Dataset test = load(folder, "qqp", "id\tquestion1\tquestion2\n0\tA?\tB?\n17\tC?\tD?\n");
  CHECK_FALSE(test.labelled);
  REQUIRE(test.size() == 2);
  check_row(test.rows[1], "C?", "D?", -1, 17);
}

TEST_CASE("glue file: stsb scores are real numbers, in both forms") {
  const TemporaryFolder folder;
  const std::string head =
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2";
  const std::string row = "\tg\tf\t2012\t1\tnone\tnone\tA plane.\tAn air plane.";
  const Dataset dev = load(
      folder, "stsb",
      head + "\tscore\n0" + row + "\t3.800\n1" + row + "\t0\n2" + row + "\n3" + row + "\t-7.5\n");
  CHECK(dev.labelled);
  CHECK(dev.dropped == 1);
  REQUIRE(dev.size() == 3);
  check_row(dev.rows[0], "A plane.", "An air plane.", -1, 0);
  CHECK(dev.rows[0].score == 3.8f);
  CHECK(dev.rows[1].score == 0);
  CHECK(dev.rows[2].score == -7.5f);
  CHECK_FALSE(load(folder, "stsb", head + "\n0" + row + "\n").labelled);
  for (const char* score : {"nan", "inf", "1e99", "4,5", "3.5x"}) {
    CHECK(load_error(folder, "stsb", head + "\tscore\n0" + row + "\t" + score + "\n") ==
          fmt::format("[stsb] FILE:2: score \"{}\" is not a finite number.", score));
  }
}

TEST_CASE("glue file: mnli takes gold_label, wherever it stands") {
  const TemporaryFolder folder;
  const std::string head =
      "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
      "sentence1_parse\tsentence2_parse\tsentence1\tsentence2";
  const std::string row = "\t1\t1n\tfiction\t( a )\t( b )\t(A)\t(B)\tPremise.\tHypothesis.";
  const Dataset train =
      load(folder, "mnli", head + "\tlabel1\tgold_label\n0" + row + "\tneutral\tcontradiction\n");
  check_row(train.rows.at(0), "Premise.", "Hypothesis.", 2, 0);
  const Dataset dev = load(folder, "mnli",
                           head + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label\n9" + row +
                               "\tneutral\tneutral\tneutral\tneutral\tneutral\tentailment\n");
  check_row(dev.rows.at(0), "Premise.", "Hypothesis.", 0, 9);
  CHECK_FALSE(load(folder, "mnli", head + "\n0" + row + "\n").labelled);
}

TEST_CASE("glue file: qnli, rte, wnli and ax") {
  const TemporaryFolder folder;
  const Dataset qnli =
      load(folder, "qnli", "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tnot_entailment\n");
  check_row(qnli.rows.at(0), "Who?", "He.", 1, 0);
  const Dataset rte =
      load(folder, "rte", "index\tsentence1\tsentence2\tlabel\n0\tA\tB\tentailment\n");
  check_row(rte.rows.at(0), "A", "B", 0, 0);
  const Dataset wnli = load(folder, "wnli", "index\tsentence1\tsentence2\tlabel\n0\tA\tB\t1\n");
  check_row(wnli.rows.at(0), "A", "B", 1, 0);
  const Dataset ax = load(folder, "ax", "index\tsentence1\tsentence2\n0\tA\tB\n");
  check_row(ax.rows.at(0), "A", "B", -1, 0);
  for (const char* task : {"qnli", "rte", "wnli"}) {
    CAPTURE(task);
    const char* header = task == std::string("qnli") ? "index\tquestion\tsentence\n"
                                                     : "index\tsentence1\tsentence2\n";
    const Dataset test = load(folder, task, header + std::string("4\tA\tB\n"));
    CHECK_FALSE(test.labelled);
    check_row(test.rows.at(0), "A", "B", -1, 4);
  }
}

TEST_CASE("glue file: labels are names or numbers, names of any column case or order") {
  const TemporaryFolder folder;
  const Dataset rows =
      load(folder, "rte", "Label\tSentence2\tSentence1\n1\tB\tA\n entailment \tD\tC\n");
  REQUIRE(rows.size() == 2);
  check_row(rows.rows[0], "A", "B", 1, 0);
  check_row(rows.rows[1], "C", "D", 0, 1);
  CHECK(load_error(folder, "rte",
                   "index\tsentence1\tsentence2\tlabel\n0\tA\tB\t0\n1\tA\tB\tmay\x1B"
                   "be\n") ==
        "[rte] FILE:3: unknown label \"may?be\"; expected entailment, not_entailment or 0 to 1.");
  for (const char* label : {"2", "1.0", "0x1", "99999999999999999999"}) {
    CHECK(load_error(folder, "rte",
                     fmt::format("index\tsentence1\tsentence2\tlabel\n0\tA\tB\t{}\n", label)) ==
          fmt::format(
              "[rte] FILE:2: unknown label \"{}\"; expected entailment, not_entailment or 0 to 1.",
              label));
  }
}

TEST_CASE("glue file: an empty sentence is a row, an empty or missing label is none") {
  const TemporaryFolder folder;
  const Dataset rows =
      load(folder, "rte",
           "index\tsentence1\tsentence2\tlabel\n0\t\t\tentailment\n1\tA\tB\t\n2\tA\t"
           "B\n3\tA\n4\n");
  CHECK(rows.dropped == 4);
  REQUIRE(rows.size() == 1);
  check_row(rows.rows[0], "", "", 0, 0);
}

TEST_CASE("glue file: ignored labels may be missing, empty or wrong") {
  const TemporaryFolder folder;
  const Dataset rows =
      load(folder, "rte",
           "index\tsentence1\tsentence2\tlabel\n0\tA\tB\tperhaps\n1\tC\tD\t\n2\tE\tF\n3\tG\n",
           Labels::ignored);
  CHECK_FALSE(rows.labelled);
  CHECK(rows.dropped == 1);
  REQUIRE(rows.size() == 3);
  check_row(rows.rows[2], "E", "F", -1, 2);
}

TEST_CASE("glue file: a test set whose labels are all -1 has none, one -1 among others is wrong") {
  const TemporaryFolder folder;
  const std::string header = "sentence1\tsentence2\tlabel\tidx\n";
  const std::string hub = header + "a\tb\t-1\t0\nc\td\t-1\t1\n";
  const Dataset rte = load(folder, "rte", hub);
  CHECK_FALSE(rte.labelled);
  REQUIRE(rte.size() == 2);
  check_row(rte.rows[1], "c", "d", -1, 1);
  CHECK_FALSE(load(folder, "stsb", header + "a\tb\t-1.0\t0\n").labelled);
  CHECK(load(folder, "stsb", header + "a\tb\t-1.0\t0\nc\td\t2.5\t1\n").labelled);
  CHECK(contains(load_error(folder, "rte", hub, Labels::required), "all labels are -1"));
  CHECK(contains(load_error(folder, "rte", header + "a\tb\t1\t0\nc\td\t-1\t1\n"), "unknown label"));
}

TEST_CASE("glue file: the Hub's Parquet files, by name and by content") {
  const test::TemporaryFolder folder;
  test::ParquetColumn text{.name = "sentence"};
  test::ParquetColumn label{.name = "label", .kind = test::ParquetColumn::Kind::int64};
  test::ParquetColumn index{.name = "idx", .kind = test::ParquetColumn::Kind::int64};
  for (int row = 0; row < 3; ++row) {
    text.texts.push_back("row " + std::to_string(row));
    label.texts.push_back(row == 1 ? "-1" : "0");
    index.texts.push_back(std::to_string(7 + row));
  }
  const std::string names =
      R"({"info":{"features":{"label":{"names":["positive","negative"],"_type":"ClassLabel"}}}})";
  folder.write("sst2/train-00000-of-00001.parquet",
               test::parquet_bytes({text, label, index}, {.codec = 1, .huggingface = names}));
  for (auto& value : label.texts) value = "-1";
  folder.write("sst2/test-00000-of-00001.parquet", test::parquet_bytes({text, label, index}));
  const Task& task = find_task("sst2");
  const GlueFiles files = find_glue_files(task, folder.path());
  const Dataset train = load_glue_file(task, files.train, Labels::required);
  REQUIRE(train.size() == 2);
  CHECK(train.dropped == 1);
  CHECK(train.rows[0].label == 1);  // by the file's names, which are in another order
  CHECK(train.rows[1].index == 9);
  const Dataset hidden = load_glue_file(task, files.test);
  CHECK_FALSE(hidden.labelled);
  CHECK(hidden.size() == 3);
}

TEST_CASE("glue file: required labels, missing columns and empty files are errors") {
  const TemporaryFolder folder;
  CHECK(load_error(folder, "rte", "index\tsentence1\tsentence2\n0\tA\tB\n", Labels::required) ==
        "[rte] FILE: no label column; give a file in the form of train.tsv.");
  CHECK(load_error(folder, "rte", "index\tsentence1\tlabel\n0\tA\t1\n") ==
        "[rte] FILE:1: the header has only one of the columns sentence1 and sentence2; add the "
        "other.");
  CHECK(
      load_error(folder, "rte", "a\tb\n0\tA\n") ==
      "[rte] FILE:1: no header with the columns sentence1 and sentence2, and rows of 2 columns fit "
      "neither the labelled form (4 columns) nor the test form (3).");
  CHECK(load_error(folder, "rte", "") == "[rte] FILE: no rows in this file.");
  CHECK(load_error(folder, "rte", "\n\r\n") == "[rte] FILE: no rows in this file.");
  CHECK(load_error(folder, "rte", "index\tsentence1\tsentence2\tlabel\n0\tA\n") ==
        "[rte] FILE: no rows in this file (1 dropped for missing columns).");
}

TEST_CASE("glue file: the original MRPC file is parted by the list of dev ids") {
  const TemporaryFolder folder;
  const Task& mrpc = find_task("mrpc");
  const std::string file =
      folder.write("msr_paraphrase_train.txt",
                   "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
                   "1\t10\t11\tA\tB\r\n0\t12\t13\tC\tD\r\n1\t11\t10\tE\tF\r\n");
  const std::string ids = folder.write("dev_ids.tsv", "12\t13\n99\t98\n");
  const Dataset dev = load_glue_file(mrpc, {.path = file, .dev_ids = ids, .dev = true});
  REQUIRE(dev.size() == 1);
  check_row(dev.rows[0], "C", "D", 0, 1);
  const Dataset train = load_glue_file(mrpc, {.path = file, .dev_ids = ids, .dev = false});
  REQUIRE(train.size() == 2);
  check_row(train.rows[1], "E", "F", 1, 2);
  folder.write("dev_ids.tsv", "12\n");
  CHECK_THROWS_AS(load_glue_file(mrpc, {.path = file, .dev_ids = ids, .dev = true}), Error);
}

TEST_CASE("glue task: unknown names are a usage error that lists the known") {
  CHECK(message_of([] { find_task("snli"); }) ==
        "[task] unknown task snli; known are cola sst2 mrpc stsb qqp mnli qnli rte wnli ax.");
  CHECK_THROWS_AS(find_task(""), UsageError);
  CHECK(find_task("mnli").num_labels() == 3);
  CHECK(find_task("stsb").num_labels() == 1);
  CHECK(glue_tasks().size() == 10);
}

// SPDX-License-Identifier: Apache-2.0
