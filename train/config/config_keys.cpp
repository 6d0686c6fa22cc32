// The table of all keys. Defaults are in struct Config and sora::MethodConfig.
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "data/task.h"
#include "train/config/config.h"
#include "train/config/own_data.h"

namespace soragrad::train {

namespace {

using namespace ranges;
using Range = NumberRange;

// Stands for the names of all tasks that can train, which are known only when the program runs.
constexpr std::string_view kTaskNames = "<tasks>";
constexpr std::string_view kMethodNames = "<methods>";  // the same for methods
constexpr Range kAny{};
constexpr Range kTruth{"true or false"};
constexpr Range kThreads{"a whole number from 0 (all cores) to 1024", 0, 1024};
constexpr Range kSteps{"-1 (by epochs) or a whole number from 1 to 1000000000", -1, 1e9};
constexpr Range kEpochs{"a number above 0, up to 1000000", 0, 1e6, true};
constexpr Range kLength{"a whole number from 3 to 1000000", 3, 1e6};
constexpr Range kSeed{"a whole number of at least 0", 0, 0x1p63};
constexpr Range kSplit{"a number above 0 and below 1", 0, 1 - 0x1p-53, true};
constexpr Range kSplitSeed{"a whole number from 0 to 4294967295", 0, 0x1p32 - 1};
constexpr Range kFolds{"a whole number from 0 to 1000", 0, 1000};
constexpr Range kNames{"names separated by commas, or [a, b]"};

constexpr Key key(std::string_view group, std::string_view name, Field (*field)(Config&),
                  Range range, std::string_view choices, std::string_view unset,
                  std::string_view methods, std::string_view help) {
  return {group, name, field, nullptr, range, choices, unset, methods, help};
}

#define FIELD(member) [](Config& c) -> Field { return &c.member; }
constexpr std::string_view kOwn = kOwnDataGroup, kLoss = "Loss";
constexpr std::string_view kRun = "Run", kOptimizer = "Optimizer", kLengths = "Length and batches",
                           kWatch = "Logging, evaluation, checkpoints", kModel = "Model",
                           kSora = "sora", kPretraining = "Pre-training";

constexpr Key kKeys[] = {
    key(kRun, "model", FIELD(model), kAny, "", "required", "",
        "model folder in Hugging Face's layout"),
    key(kRun, "task", FIELD(task), kAny, kTaskNames, "required", "",
        "GLUE task, or custom (own data)"),
    key(kRun, "data", FIELD(data), kAny, "", "required", "",
        "GLUE root, or the task's own folder; not needed beside train_file"),
    key(kRun, "train_file", FIELD(train_file), kAny, "", "from data", "",
        "instead of the task's training file"),
    key(kRun, "validation_file", FIELD(validation_file), kAny, "", "from data", "",
        "instead of the task's dev file"),
    key(kRun, "test_file", FIELD(test_file), kAny, "", "from data", "",
        "instead of the task's test file"),
    key(kRun, "output", FIELD(output), kAny, "", "runs/TASK-METHOD-SEED", "", "run folder"),
    key(kRun, "overwrite", FIELD(overwrite), kTruth, "", "", "",
        "replace the run folder where it exists"),
    key(kRun, "method", FIELD(method.method), kAny, kMethodNames, "", "", "what is trained"),
    key(kRun, "protocol", FIELD(protocol), kAny, "glue|paper|adalora", "", "",
        "splits, head and selection metric; `soragrad inspect protocols`"),
    key(kRun, "train_head", FIELD(train_head), kTruth, "", "by protocol", "",
        "whether pooler and classifier train; method full trains them always"),
    key(kRun, "device", FIELD(device), kAny, "auto|cpu|cuda", "", "", "where to compute"),
    key(kRun, "precision", FIELD(precision), kAny, "fp32|bf16", "", "",
        "of the products with the trunk's weights and of attention; all else is fp32"),
    key(kRun, "cuda_graphs", FIELD(cuda_graphs), kTruth, "", "", "",
        "on a GPU: steps are recorded once and launched as a whole"),
    key(kRun, "gradient_checkpointing", FIELD(gradient_checkpointing), kTruth, "", "", "",
        "compute each layer twice instead of keeping what its gradient needs; same bits"),
    key(kRun, "threads", FIELD(threads), kThreads, "", "all", "",
        "threads on the host; 0: all cores"),
    key(kRun, "seed", FIELD(seed), kSeed, "", "", "",
        "of initial values, order of rows and dropout"),

    key(kOwn, "format", FIELD(custom.format), kAny, "csv|tsv|jsonl|json|parquet|txt",
        "by extension", "", "of the files; txt: fastText"),
    key(kOwn, "header", FIELD(custom.header), kTruth, "", "", "",
        "csv and tsv begin with names of columns; false: columns are 0, 1, 2 ..."),
    key(kOwn, "text_column", FIELD(custom.text_column), kAny, "", "the one of text, sentence ...",
        "", "column of the text"),
    key(kOwn, "text_pair_column", FIELD(custom.text_pair_column), kAny, "",
        "the one of sentence2, hypothesis ...", "", "column of the second text; none: no pair"),
    key(kOwn, "label_column", FIELD(custom.label_column), kAny, "",
        "the one of label, labels, target ...", "", "column of the label"),
    key(kOwn, "id_column", FIELD(custom.id_column), kAny, "", "id, idx or index", "",
        "carried into predictions"),
    key(kOwn, "weight_column", FIELD(custom.weight_column), kAny, "", "none", "",
        "weight of a row in the loss"),
    key(kOwn, "problem_type", FIELD(custom.problem_type), kAny,
        "single_label_classification|multi_label_classification|regression", "by the labels", "",
        ""),
    key(kOwn, "label_separator", FIELD(custom.label_separator), kAny, "", "none", "",
        "between several labels of one cell"),
    key(kOwn, "labels", FIELD(custom.labels), kNames, "", "config.json's, by value or by name", "",
        "names in the order of the classes"),
    key(kOwn, "positive_label", FIELD(custom.positive_label), kAny, "", "the last", "",
        "of two classes, for f1 and roc_auc"),
    key(kOwn, "unknown_labels", FIELD(unknown_labels), kAny, "error|ignore", "", "",
        "a label of validation that train lacks: an error, or the row is left out"),
    key(kOwn, "validation_split", FIELD(custom.validation_split), kSplit, "", "", "",
        "share of train that validates if there is no validation file"),
    key(kOwn, "split_seed", FIELD(custom.split_seed), kSplitSeed, "", "", "",
        "of that share and of folds; seed does not matter"),
    key(kOwn, "k_folds", FIELD(custom.k_folds), kFolds, "", "", "",
        "0: no folds; N: rows are cut into N folds, and `fold` validates"),
    key(kOwn, "fold", FIELD(custom.fold), kFolds, "", "", "", "which fold, from 0"),

    key(kLoss, "class_weights", FIELD(class_weights), kAny, "", "none", "",
        "balanced, or {name: weight}: of the rows of a class"),
    key(kLoss, "label_smoothing_factor", FIELD(label_smoothing_factor), kRatio, "", "", "",
        "share of the loss that all classes have alike"),

    key(kOptimizer, "learning_rate", FIELD(learning_rate), kNotNegative, "", "", "",
        "peak rate of the main group"),
    key(kOptimizer, "weight_decay", FIELD(weight_decay), kNotNegative, "", "", "",
        "not on biases, LayerNorm and gates"),
    key(kOptimizer, "adam_beta1", FIELD(adam_beta1), kShare, "", "", "",
        "decay of the first moment"),
    key(kOptimizer, "adam_beta2", FIELD(adam_beta2), kShare, "", "", "",
        "decay of the second moment"),
    key(kOptimizer, "adam_epsilon", FIELD(adam_epsilon), kPositive, "", "", "",
        "of the main group"),
    key(kOptimizer, "max_grad_norm", FIELD(max_grad_norm), kNotNegative, "", "", "",
        "clips the gradient's 2-norm; 0: never"),
    key(kOptimizer, "optim", FIELD(optim), kAny, "adamw_torch|adamw_hf", "", "",
        "decay before the step, or after it as transformers 4.14"),
    key(kOptimizer, "lr_scheduler_type", FIELD(lr_scheduler_type), kAny,
        "linear|cosine|constant|constant_with_warmup", "", "",
        "schedule of the learning rate and of the gates' rate"),
    key(kOptimizer, "warmup_ratio", FIELD(warmup_ratio), kRatio, "", "", "",
        "share of the steps with a rising rate"),
    key(kOptimizer, "warmup_steps", FIELD(warmup_steps), kCountOrNone, "", "", "",
        "wins over warmup_ratio where not 0"),

    key(kLengths, "num_train_epochs", FIELD(num_train_epochs), kEpochs, "", "", "",
        "passes over the training rows"),
    key(kLengths, "max_steps", FIELD(max_steps), kSteps, "", "", "",
        "wins over num_train_epochs where not -1"),
    key(kLengths, "max_seconds", FIELD(max_seconds), kCountOrNone, "", "none", "",
        "seconds from the program's start after which it saves and ends with exit code 75"),
    key(kLengths, "max_train_samples", FIELD(max_train_samples), kCountOrNone, "", "all", "",
        "train on the first rows only"),
    key(kLengths, "max_eval_samples", FIELD(max_eval_samples), kCountOrNone, "", "all", "",
        "validate on the first rows only"),
    key(kLengths, "max_predict_samples", FIELD(max_predict_samples), kCountOrNone, "", "all", "",
        "test on the first rows only"),
    key(kLengths, "per_device_train_batch_size", FIELD(per_device_train_batch_size), kSmallCount,
        "", "", "", "rows of a batch"),
    key(kLengths, "per_device_eval_batch_size", FIELD(per_device_eval_batch_size), kSmallCount, "",
        "", "", "rows of a batch in evaluation"),
    key(kLengths, "gradient_accumulation_steps", FIELD(gradient_accumulation_steps), kSmallCount,
        "", "", "", "batches of a step"),
    key(kLengths, "max_seq_length", FIELD(max_seq_length), kLength, "", "", "",
        "tokens a row is cut to"),
    key(kLengths, "shuffle", FIELD(shuffle), kTruth, "", "", "",
        "new order in each epoch; false: file order"),
    key(kLengths, "group_by_length", FIELD(group_by_length), kTruth, "", "", "",
        "rows of like length share a batch"),

    key(kWatch, "logging_steps", FIELD(logging_steps), kCount, "", "", "",
        "steps between lines of metrics.jsonl"),
    key(kWatch, "eval_steps", FIELD(eval_steps), kCountOrNone, "", "", "",
        "steps between evaluations; 0: each epoch"),
    key(kWatch, "save_steps", FIELD(save_steps), kCountOrNone, "", "", "",
        "steps between checkpoints; 0: only on interruption and at the end"),
    key(kWatch, "save_total_limit", FIELD(save_total_limit), kCountOrNone, "", "", "",
        "newest checkpoints that are kept; 0: all"),
    key(kWatch, "load_best_model_at_end", FIELD(load_best_model_at_end), kTruth, "", "", "",
        "end with the best evaluation's parameters"),
    key(kWatch, "metric_for_best_model", FIELD(metric_for_best_model), kAny, "", "by task", "",
        "a metric of the task, or loss"),
    key(kWatch, "early_stopping_patience", FIELD(early_stopping_patience), kCountOrNone, "", "", "",
        "evaluations without a better one; 0: never stop"),

    key(kModel, "hidden_dropout_prob", FIELD(hidden_dropout_prob), kShare, "", "from config.json",
        "", ""),
    key(kModel, "attention_probs_dropout_prob", FIELD(attention_probs_dropout_prob), kShare, "",
        "from config.json", "", ""),
    key(kModel, "classifier_dropout", FIELD(classifier_dropout), kShare, "", "from config.json", "",
        ""),
    key(kModel, "initial_state", FIELD(initial_state), kAny, "", "none", "",
        "safetensors file that replaces tensors before step 1, or an adapter to go on from"),
};

// Keys of `train` alone under a heading of the methods'.
constexpr Key kPathKeys[] = {
    key(kSora, "schedule", FIELD(schedule), kAny, "none|linear|log_linear|exp_linear", "", "sora",
        "Algorithm 1: path of thresholds from xi to xi_max"),
    key(kSora, "xi_max", FIELD(xi_max), kNotNegative, "", "with schedule: required", "sora",
        "last threshold"),
    key(kSora, "xi_steps", FIELD(xi_steps), Range{"a whole number from 1 to 1000", 1, 1000}, "",
        "with schedule: required", "sora", "number of thresholds, xi included"),
    key(kSora, "phase_epochs", FIELD(phase_epochs), kEpochs, "", "", "sora",
        "epochs for each threshold after the first"),
    key(kSora, "restart_lr", FIELD(restart_lr), kTruth, "", "", "sora",
        "warm-up and decay anew for each threshold; false: rate 0"),
};

constexpr Key kPretrainKeys[] = {
    key(kPretraining, "objective", FIELD(pretrain.objective), kAny, "mlm|rtd",
        "rtd for deberta-v2, else mlm", "",
        "masked language model, or DeBERTaV3's replaced token detection"),
    key(kPretraining, "corpus", FIELD(pretrain.corpus), kAny, "", "required", "",
        "text files (.txt, .xz; comma, globs): a paragraph a line, empty lines end documents"),
    key(kPretraining, "validation_corpus", FIELD(pretrain.validation_corpus), kAny, "", "none", "",
        "the same, to validate on"),
    key(kPretraining, "sharing", FIELD(pretrain.sharing), kAny, "es|nes|gdes", "", "",
        "rtd: one word table, two, or gradient-disentangled"),
    key(kPretraining, "generator_layers", FIELD(pretrain.generator_layers), kCountOrNone, "",
        "half", "", "rtd: layers of the generator"),
    key(kPretraining, "rtd_lambda", FIELD(pretrain.rtd_lambda), kNotNegative, "", "", "",
        "rtd: weight of the detection loss"),
    key(kPretraining, "mlm_probability", FIELD(pretrain.mlm_probability), kRatio, "", "", "",
        "share of a sequence's tokens that is predicted"),
    key(kPretraining, "mask_replace", FIELD(pretrain.mask_replace), kRatio, "",
        "1 for rtd, 0.8 for mlm", "", "share of these that becomes the mask token"),
    key(kPretraining, "random_replace", FIELD(pretrain.random_replace), kRatio, "",
        "0 for rtd, 0.1 for mlm", "", "share that becomes another token; the rest stays"),
    key(kPretraining, "batches", FIELD(pretrain.batches), kAny, "", "none", "",
        "safetensors file of another program's batches, to repeat its run"),
};
#undef FIELD

// A key that a run of pre-training shares with a run of `train`, with what --help shows of it if
// that differs.
struct SharedKey {
  std::string_view name;
  std::string_view help = {};
  std::string_view unset = {};
};
constexpr SharedKey kSharedKeys[] = {
    {"model"},
    {"output", "", "runs/pretrain-OBJECTIVE-SEED"},
    {"overwrite"},
    {"device"},
    {"precision"},
    {"cuda_graphs"},
    {"gradient_checkpointing"},
    {"threads"},
    {"seed"},
    {"learning_rate"},
    {"weight_decay"},
    {"adam_beta1"},
    {"adam_beta2"},
    {"adam_epsilon"},
    {"max_grad_norm"},
    {"optim"},
    {"lr_scheduler_type"},
    {"warmup_ratio"},
    {"warmup_steps"},
    {"max_steps", "required but with `batches`"},
    {"max_seconds"},
    {"per_device_train_batch_size"},
    {"per_device_eval_batch_size"},
    {"gradient_accumulation_steps"},
    {"max_seq_length", "tokens of a sequence"},
    {"shuffle"},
    {"logging_steps"},
    {"eval_steps", "steps between validations; 0: at the end alone"},
    {"save_steps"},
    {"save_total_limit"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
    {"initial_state"},
};

constexpr const Key* find_in_table(std::string_view name) {
  for (const Key& key : kKeys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}
static_assert(std::ranges::all_of(kSharedKeys, find_in_table, &SharedKey::name),
              "a shared key is not in the table of keys");

std::vector<Key> training_keys() {
  std::vector<Key> all(std::begin(kKeys), std::end(kKeys));
  for (const sora::MethodKey& key : sora::method_keys()) {
    all.push_back({key.group, key.name, nullptr, &key, key.range, key.choices, key.unset,
                   key.methods, key.help});
  }
  const auto last = std::find_if(all.rbegin(), all.rend(),
                                 [](const Key& key) { return key.group == kPathKeys[0].group; });
  all.insert(last.base(), std::begin(kPathKeys), std::end(kPathKeys));
  return all;
}

// The shared keys, and pre-training's own before those of the optimizer.
std::vector<Key> pretraining_keys() {
  std::vector<Key> all;
  for (const SharedKey& shared : kSharedKeys) {
    const Key& key = *find_in_table(shared.name);
    if (key.group == kOptimizer && all.back().group == kRun) {
      all.insert(all.end(), std::begin(kPretrainKeys), std::end(kPretrainKeys));
    }
    all.push_back(key);
    if (!shared.help.empty()) all.back().help = shared.help;
    if (!shared.unset.empty()) all.back().unset = shared.unset;
  }
  return all;
}

}  // namespace

std::span<const Key> keys(Verb verb) {
  static const std::vector<Key> training = training_keys();
  if (verb == Verb::train) return training;
  static const std::vector<Key> pretraining = pretraining_keys();
  return pretraining;
}

Field Key::field(Config& config) const {
  if (!of_method) return own_field(config);
  return std::visit([](auto* member) { return Field(member); }, of_method->field(config.method));
}

std::string choices_of(const Key& key) {
  if (key.choices == kMethodNames) return fmt::format("{}", fmt::join(sora::method_names(), "|"));
  if (key.choices != kTaskNames) return std::string(key.choices);
  std::string names;
  for (const data::Task* task : data::all_tasks()) {
    if (task->trainable()) names += task->name + "|";
  }
  return names + "custom";
}

const Key* find_key(std::string_view name, Verb verb) {
  for (const Key& key : keys(verb)) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
