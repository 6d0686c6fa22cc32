// The configuration of a run: flat keys with Hugging Face's and peft's names. One table
// (config_keys.cpp, with the methods' own keys from sora/method_keys.h) drives reading, checking,
// --help, --dump-config and config.yaml.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/allowed_values.h"
#include "data/custom/keys.h"
#include "data/split.h"
#include "sora/method.h"
#include "sora/method_keys.h"

namespace soragrad::train {

// The verb whose run a configuration describes: its keys are known, the others' are refused.
enum class Verb : uint8_t { train, pretrain };

// Keys of `pretrain` alone. An empty text follows from other keys or from config.json.
struct PretrainKeys {
  std::string objective;  // mlm, rtd
  std::string corpus, validation_corpus, batches;
  std::string sharing = "gdes";
  int64_t generator_layers = 0;  // 0: half
  double rtd_lambda = 50;
  double mlm_probability = 0.15;
  std::optional<double> mask_replace, random_replace;
};

// An optional that is empty says `auto` in YAML: its value follows from other keys or files.
struct Config {
  Verb verb = Verb::train;
  std::string model, task, data;
  std::string train_file, validation_file, test_file;
  std::string output;  // empty: runs/TASK-METHOD-SEED
  bool overwrite = false;
  std::string protocol = "glue";
  std::optional<bool> train_head;
  std::string device = "auto", precision = "fp32";
  bool cuda_graphs = true;
  bool gradient_checkpointing = false;
  int64_t threads = 0;  // 0: all cores
  int64_t seed = 42;

  double learning_rate = 8e-4, weight_decay = 0.1;
  double adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-8, max_grad_norm = 0.1;
  std::string optim = "adamw_torch";
  std::string lr_scheduler_type = "linear";
  double warmup_ratio = 0.06;
  int64_t warmup_steps = 0;
  double num_train_epochs = 10;
  int64_t max_steps = -1;
  int64_t max_seconds = 0;                                                       // 0: no limit
  int64_t max_train_samples = 0, max_eval_samples = 0, max_predict_samples = 0;  // 0: all rows
  int64_t per_device_train_batch_size = 8, per_device_eval_batch_size = 64;
  int64_t gradient_accumulation_steps = 1;
  int64_t max_seq_length = 128;
  bool shuffle = true, group_by_length = false;
  int64_t logging_steps = 10, eval_steps = 0, save_steps = 0, save_total_limit = 1;
  bool load_best_model_at_end = true;
  std::string metric_for_best_model;  // empty: by task and protocol
  int64_t early_stopping_patience = 0;
  std::optional<double> hidden_dropout_prob, attention_probs_dropout_prob, classifier_dropout;
  std::string initial_state;

  data::CustomKeys custom;  // of task=custom; without its files, which are those above
  std::string unknown_labels = "error";
  std::string class_weights;  // balanced, or {name: weight}; empty: none
  double label_smoothing_factor = 0;

  std::string schedule = "none";
  std::optional<double> xi_max;
  std::optional<int64_t> xi_steps;
  double phase_epochs = 15;
  bool restart_lr = true;
  PretrainKeys pretrain;
  sora::MethodConfig method;  // its train_head, sparse_lr and xi are set by resolve()

  // Where a key was set: "file.yaml:3" or "the argument `xi=1`"; absent: the default holds.
  std::map<std::string, std::string, std::less<>> origins;
  bool is_set(std::string_view key) const { return origins.contains(key); }
};

// Begins each name in the text of a list whose names may hold commas.
constexpr char kNameMark = '\x1f';

using Field =
    std::variant<std::string*, bool*, int64_t*, double*, std::optional<bool>*,
                 std::optional<int64_t>*, std::optional<double>*, std::vector<std::string>*>;

// One row of the table.
struct Key {
  std::string_view group;  // heading in --help
  std::string_view name;
  Field (*own_field)(Config&);       // null: the key is the methods',
  const sora::MethodKey* of_method;  // which is this one
  NumberRange range;                 // of numbers; `expects` is of texts too
  std::string_view choices;          // of texts; read it through choices_of()
  std::string_view unset;            // what --help shows as the default of an empty value
  std::string_view methods;          // the methods that read it, "sora|lora"; empty: all
  std::string_view help;

  Field field(Config& config) const;
};

std::span<const Key> keys(Verb verb = Verb::train);
// The words that the key takes, "a|b|c"; empty: any. For `method` all methods, for `task` the tasks
// that are registered now.
std::string choices_of(const Key& key);
const Key* find_key(std::string_view name, Verb verb = Verb::train);  // null where there is none

// Sets one key from text. A wrong key or value is a UsageError naming it, its origin and what is
// expected; an unknown key comes with the nearest known one.
void set(Config& config, std::string_view name, std::string_view value, const std::string& origin);
// The origin of what set_argument() sets.
constexpr std::string_view kCommandLine = "command line";
// "key=value" from the command line.
void set_argument(Config& config, const std::string& argument);
// A flat YAML file of at most 1 MiB; nested values and repeated keys are refused.
void read_yaml(Config& config, const std::string& path);

// Checks keys against each other, and fills in what follows from other keys: output, train_head,
// sparse_lr, metric_for_best_model. What depends on files (dropouts), or on a task that is not
// given, stays `auto`.
void complete(Config& config);
// The same for a run, which must have model, task and data.
void resolve(Config& config);
// Of a pre-training run: checks keys against each other and fills in `output`. What depends on
// config.json (objective, mask_replace, random_replace) stays `auto`.
void resolve_pretraining(Config& config);

// Makes the paths absolute, as a run's own config.yaml has them: the same from every folder.
void make_absolute(Config& config);

// Whether a run with another value of the key is the same run: it says where and how the run
// computes and what it writes down, and changes no number.
bool keeps_meaning(std::string_view key);

// The value as YAML text: `0.1`, `auto`, `[a, b]`.
std::string value_text(Config& config, const Key& key);
// All keys, grouped, as YAML that read_yaml() takes back.
std::string to_yaml(const Config& config);
// The table as text for --help.
std::string keys_help(Verb verb = Verb::train);

// One line for each key that was set but is not read with the method, task or schedule.
std::vector<std::string> unread_keys(const Config& config);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
