#include "data/glue_task.h"

#include <fmt/ranges.h>

#include "core/error.h"

namespace soragrad::data {
namespace {

using Names = std::span<const std::string_view>;

// Columns.
constexpr std::string_view kSentence[] = {"sentence"};
constexpr std::string_view kSentence1[] = {"sentence1"};
constexpr std::string_view kSentence2[] = {"sentence2"};
constexpr std::string_view kString1[] = {"#1 String", "sentence1"};
constexpr std::string_view kString2[] = {"#2 String", "sentence2"};
constexpr std::string_view kQuestion1[] = {"question1"};
constexpr std::string_view kQuestion2[] = {"question2"};
constexpr std::string_view kQuestion[] = {"question"};
constexpr std::string_view kPremise[] = {"sentence1", "premise"};
constexpr std::string_view kHypothesis[] = {"sentence2", "hypothesis"};
constexpr std::string_view kLabel[] = {"label"};
constexpr std::string_view kAcceptable[] = {"is_acceptable", "label"};
constexpr std::string_view kQuality[] = {"Quality", "label"};
constexpr std::string_view kDuplicate[] = {"is_duplicate", "label"};
constexpr std::string_view kScore[] = {"score", "label"};
constexpr std::string_view kGoldLabel[] = {"gold_label", "label"};

// Labels, in the order of the Hugging Face data set (models trained elsewhere may use another).
constexpr std::string_view kAcceptability[] = {"unacceptable", "acceptable"};
constexpr std::string_view kSentiment[] = {"negative", "positive"};
constexpr std::string_view kEquivalence[] = {"not_equivalent", "equivalent"};
constexpr std::string_view kDuplication[] = {"not_duplicate", "duplicate"};
constexpr std::string_view kInference[] = {"entailment", "neutral", "contradiction"};
constexpr std::string_view kEntailment[] = {"entailment", "not_entailment"};
constexpr std::string_view kWinograd[] = {"not_entailment", "entailment"};

// Metrics.
constexpr std::string_view kMatthews[] = {"matthews_correlation"};
constexpr std::string_view kAccuracy[] = {"accuracy"};
constexpr std::string_view kAccuracyF1[] = {"accuracy", "f1"};
constexpr std::string_view kCorrelations[] = {"pearson", "spearmanr"};

// Files. The originals of MRPC stand in where its folder was never split into GLUE's files.
constexpr std::string_view kTrain[] = {"train.tsv"};
constexpr std::string_view kDev[] = {"dev.tsv"};
constexpr std::string_view kTest[] = {"test.tsv", "test_unlabeled.tsv"};
constexpr std::string_view kTrainMrpc[] = {"train.tsv", "msr_paraphrase_train.txt"};
constexpr std::string_view kDevMrpc[] = {"dev.tsv", "msr_paraphrase_train.txt"};
constexpr std::string_view kTestMrpc[] = {"test.tsv", "msr_paraphrase_test.txt"};
constexpr std::string_view kDevMatched[] = {"dev_matched.tsv"};
constexpr std::string_view kDevMismatched[] = {"dev_mismatched.tsv"};
constexpr std::string_view kTestMatched[] = {"test_matched.tsv"};
constexpr std::string_view kTestMismatched[] = {"test_mismatched.tsv"};
constexpr std::string_view kDiagnostic[] = {"AX.tsv", "diagnostic.tsv", "diagnostic-full.tsv"};

constexpr GlueTask kTasks[] = {
    {.name = "cola",
     .folder = "CoLA",
     .text_a_names = kSentence,
     .label_columns = kAcceptable,
     .labelled = {.width = 4, .text_a = 3, .label = 1},
     .unlabelled = {.width = 2, .text_a = 1, .index = 0},
     .labelled_header = false,
     .label_names = kAcceptability,
     .metrics = kMatthews,
     .selection_metric = "matthews_correlation",
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "sst2",
     .folder = "SST-2",
     .text_a_names = kSentence,
     .label_columns = kLabel,
     .labelled = {.width = 2, .text_a = 0, .label = 1},
     .unlabelled = {.width = 2, .text_a = 1, .index = 0},
     .labelled_header = true,
     .label_names = kSentiment,
     .metrics = kAccuracy,
     .selection_metric = "accuracy",
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "mrpc",
     .folder = "MRPC",
     .text_a_names = kString1,
     .text_b_names = kString2,
     .label_columns = kQuality,
     .labelled = {.width = 5, .text_a = 3, .text_b = 4, .label = 0},
     .unlabelled = {.width = 5, .text_a = 3, .text_b = 4, .index = 0},
     .labelled_header = true,
     .label_names = kEquivalence,
     .metrics = kAccuracyF1,
     .selection_metric = "f1",
     .train_files = kTrainMrpc,
     .validation_files = kDevMrpc,
     .test_files = kTestMrpc},
    {.name = "stsb",
     .folder = "STS-B",
     .text_a_names = kSentence1,
     .text_b_names = kSentence2,
     .label_columns = kScore,
     .labelled = {.width = 10, .text_a = 7, .text_b = 8, .label = 9, .index = 0},
     .unlabelled = {.width = 9, .text_a = 7, .text_b = 8, .index = 0},
     .labelled_header = true,
     .metrics = kCorrelations,
     .selection_metric = "pearson",
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "qqp",
     .folder = "QQP",
     .text_a_names = kQuestion1,
     .text_b_names = kQuestion2,
     .label_columns = kDuplicate,
     .labelled = {.width = 6, .text_a = 3, .text_b = 4, .label = 5},
     .unlabelled = {.width = 3, .text_a = 1, .text_b = 2, .index = 0},
     .labelled_header = true,
     .label_names = kDuplication,
     .metrics = kAccuracyF1,
     .selection_metric = "accuracy",
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "mnli",
     .folder = "MNLI",
     .text_a_names = kPremise,
     .text_b_names = kHypothesis,
     .label_columns = kGoldLabel,
     .labelled = {.width = 12, .text_a = 8, .text_b = 9, .label = 11, .index = 0},
     .unlabelled = {.width = 10, .text_a = 8, .text_b = 9, .index = 0},
     .labelled_header = true,
     .label_names = kInference,
     .metrics = kAccuracy,
     .selection_metric = "accuracy",
     .submits_names = true,
     .train_files = kTrain,
     .validation_files = kDevMatched,
     .validation_mm_files = kDevMismatched,
     .test_files = kTestMatched,
     .test_mm_files = kTestMismatched},
    {.name = "qnli",
     .folder = "QNLI",
     .text_a_names = kQuestion,
     .text_b_names = kSentence,
     .label_columns = kLabel,
     .labelled = {.width = 4, .text_a = 1, .text_b = 2, .label = 3, .index = 0},
     .unlabelled = {.width = 3, .text_a = 1, .text_b = 2, .index = 0},
     .labelled_header = true,
     .label_names = kEntailment,
     .metrics = kAccuracy,
     .selection_metric = "accuracy",
     .submits_names = true,
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "rte",
     .folder = "RTE",
     .text_a_names = kSentence1,
     .text_b_names = kSentence2,
     .label_columns = kLabel,
     .labelled = {.width = 4, .text_a = 1, .text_b = 2, .label = 3, .index = 0},
     .unlabelled = {.width = 3, .text_a = 1, .text_b = 2, .index = 0},
     .labelled_header = true,
     .label_names = kEntailment,
     .metrics = kAccuracy,
     .selection_metric = "accuracy",
     .submits_names = true,
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "wnli",
     .folder = "WNLI",
     .text_a_names = kSentence1,
     .text_b_names = kSentence2,
     .label_columns = kLabel,
     .labelled = {.width = 4, .text_a = 1, .text_b = 2, .label = 3, .index = 0},
     .unlabelled = {.width = 3, .text_a = 1, .text_b = 2, .index = 0},
     .labelled_header = true,
     .label_names = kWinograd,
     .metrics = kAccuracy,
     .selection_metric = "accuracy",
     .train_files = kTrain,
     .validation_files = kDev,
     .test_files = kTest},
    {.name = "ax",
     .folder = "AX",
     .text_a_names = kPremise,
     .text_b_names = kHypothesis,
     .label_columns = kGoldLabel,
     .labelled = {.width = 4, .text_a = 1, .text_b = 2, .label = 3, .index = 0},
     .unlabelled = {.width = 3, .text_a = 1, .text_b = 2, .index = 0},
     .labelled_header = true,
     .label_names = kInference,
     .metrics = kMatthews,
     .selection_metric = "matthews_correlation",
     .submits_names = true,
     .test_files = kDiagnostic},
};

}  // namespace

std::span<const GlueTask> glue_tasks() {
  return kTasks;
}

const GlueTask& find_glue_task(std::string_view name) {
  std::string names;
  for (const GlueTask& task : kTasks) {
    if (task.name == name) return task;
    names += fmt::format("{}{}", names.empty() ? "" : " ", task.name);
  }
  throw UsageError(fmt::format("[task] unknown task {}; known are {}.", name, names));
}

std::string joined(Names names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace soragrad::data
