#include "train/loop/open_trained.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "models/labels.h"
#include "sora/adapter_file.h"
#include "train/config/misuse.h"
#include "train/config/own_data.h"
#include "train/loop/adapter_classes.h"
#include "train/loop/base_hash.h"
#include "train/loop/load_options.h"
#include "train/run/results_file.h"
#include "train/run/run_inputs.h"

namespace soragrad::train {

namespace fs = std::filesystem;

std::string trained_folder(const RunFolder& run, int64_t phase) {
  if (phase >= 0) {
    std::string folder = run.file(fmt::format("phases/phase-{}", phase));
    require(fs::is_directory(folder), "[run] {} has no phases/phase-{}; `inspect` lists them.",
            run.path(), phase);
    return folder;
  }
  // final/ is what results.json of a finished run is about. After a path of thresholds the best
  // model of phase 0 is not what was trained for.
  const bool final_first = is_complete(run.path()) || fs::is_directory(run.file("phases"));
  for (const char* name : {final_first ? "final" : "best", final_first ? "best" : "final"}) {
    if (fs::is_directory(run.file(name))) return run.file(name);
  }
  fail("[run] {} has neither best/ nor final/ yet; train it first.", run.path());
}

std::unique_ptr<sora::Method> load_adapter_and_head(const std::string& adapter,
                                                    const std::string& base,
                                                    models::LoadedModel& loaded) {
  if (adapter.empty()) return nullptr;
  std::vector<std::string> absent;
  auto method = sora::load_adapter(adapter, *loaded.model, &absent);
  const sora::AdapterInfo info = sora::read_adapter_config(adapter).info;
  const std::vector<std::string> classes = adapter_classes(info, base);
  require(order_head(*loaded.model, classes, absent),
          "[classes] {} answers {}; the task's classes are {}. Take an adapter of this task.",
          shown(adapter), models::shown_names(classes),
          models::shown_names(loaded.model->config().label_names));
  std::erase_if(loaded.drawn, [&](const std::string& path) {
    return std::ranges::find(absent, path) == absent.end();
  });
  return method;
}

std::string other_task_line(const std::string& weights, std::string_view trained_on,
                            const data::Task& task) {
  if (trained_on.empty() || trained_on == task.name) return {};
  // A diagnostic set is there to be answered by a model of another task.
  const bool diagnostic =
      !task.trainable() && std::ranges::any_of(data::all_tasks(), [&](const data::Task* each) {
        return each->name == trained_on && each->labels == task.labels;
      });
  if (diagnostic) return {};
  return fmt::format("warning: {} was trained on {} and answers {} here.", weights,
                     shown(trained_on), task.name);
}

namespace {

// What eval and predict read of own data. Which rows of a run's files train is settled.
void require_readable_key(std::string_view name, bool of_run) {
  constexpr std::string_view kFiles[] = {"data", "train_file", "validation_file", "test_file"};
  constexpr std::string_view kSplits[] = {"validation_split", "split_seed", "k_folds", "fold"};
  const Key* key = find_key(name);
  const bool is_file = std::ranges::find(kFiles, name) != std::end(kFiles);
  if (key && !is_file && key->group != kOwnDataGroup) {
    misuse("[usage] {} has no effect here; the files and the keys of own data do.", name);
  }
  if (of_run && std::ranges::find(kSplits, name) != std::end(kSplits)) {
    misuse("[usage] {} would let rows validate that the run has trained on; leave it out.", name);
  }
}

// The command's keys over the run's. A folder of data takes the place of the run's files.
void take_own_keys(Trained& trained, const TrainedSource& source) {
  Config& config = trained.config;
  std::vector<std::string> keys;
  if (!source.data.empty()) keys.push_back("data=" + source.data);
  keys.insert(keys.end(), source.keys.begin(), source.keys.end());
  const auto is_folder = [](const std::string& key) { return key.starts_with("data="); };
  if (std::ranges::any_of(keys, is_folder)) {
    config.train_file = config.validation_file = config.test_file = "";
  }
  for (const std::string& key : keys) {
    set_argument(config, key);
    require_readable_key(std::string_view(key).substr(0, key.find('=')), !trained.run.empty());
    trained.has_other_files |= is_folder(key) || key.find("_file=") != key.npos;
  }
}

bool is_same_set(std::span<const std::string> a, std::span<const std::string> b) {
  return std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

// Whether the model's classes may bear these names: the same but for case, as `train` finds them.
bool may_rename(std::span<const std::string> model, std::span<const std::string> names) {
  return !names.empty() && models::are_named(model) && models::find_classes(model, names);
}

// The classes of a model that was trained on own data: an adapter's, else config.json's, else those
// of the keys. Throws if the keys contradict what the files say. Hugging Face writes no names of
// two classes that have none: a prediction then says LABEL_0 or LABEL_1, as its pipelines do. Rows
// with labels need names.
std::shared_ptr<const data::Task> own_task_of(const Trained& trained, const std::string& base,
                                              const std::string& adapter, bool predicts) {
  std::vector<std::string> labels;
  std::string type;
  int64_t classes = 0;  // 0: not known
  if (!adapter.empty()) {
    const sora::AdapterInfo info = sora::read_adapter_config(adapter).info;
    labels = info.labels;
    type = info.problem_type;
    classes = info.num_labels;
  }
  if (type.empty()) {
    const bool has_own = !adapter.empty() && fs::exists(fs::path(adapter) / "config.json");
    const models::ModelConfig config = models::read_config(has_own ? adapter : base);
    labels = config.label_names;
    type = config.problem_type;
    if (type.empty() && config.num_labels == 1) type = "regression";  // as Hugging Face has it
    if (classes == 0) classes = config.num_labels;
  }
  const std::string& source = adapter.empty() ? base : adapter;
  const data::CustomKeys& keys = trained.config.custom;
  require(type.empty() || keys.problem_type.empty() || type == keys.problem_type,
          "[problem_type] {}, but {} was trained for {}.", keys.problem_type, source, type);
  if (type.empty()) type = keys.problem_type;
  if (type.empty()) type = "single_label_classification";
  if (labels.empty() || may_rename(labels, keys.labels)) {
    labels = keys.labels;
  } else {
    require(keys.labels.empty() || is_same_set(labels, keys.labels),
            "[labels] {}, but the classes of {} are {}.", models::shown_names(keys.labels), source,
            models::shown_names(labels));
  }
  if (predicts && labels.empty()) {
    for (int64_t i = 0; i < classes; ++i) labels.push_back(fmt::format("LABEL_{}", i));
  }
  const data::ProblemType problem = data::problem_type_named(type);
  if (problem == data::ProblemType::regression) labels.clear();
  require(problem == data::ProblemType::regression || !labels.empty(),
          "[{}] names no classes (id2label has only LABEL_0 ...); set labels=a,b in their order.",
          source);
  return data::make_custom_task(problem, std::move(labels), keys, false);
}

// What a source and its run or adapter settle together, before anything is loaded.
struct Choice {
  std::string task, protocol, precision;
  std::string base, adapter;  // folders; adapter empty: none
  std::string trained_on;     // the task of the run or adapter; empty: not known
};

void check_usage(const TrainedSource& source) {
  if (source.run.empty() && source.model.empty()) misuse("[usage] give --run or --model.");
  if (!source.run.empty() && !source.adapter.empty()) {
    misuse("[usage] --adapter belongs to --model; a run has its own.");
  }
  if (source.run.empty() && source.phase >= 0) misuse("[usage] --phase belongs to --run.");
}

// Of a run: its configuration holds where the source is silent.
void choose_run(const TrainedSource& source, Trained& trained, Choice& choice) {
  const RunFolder run = RunFolder::open(source.run, false);
  const Config config = config_of(run, Verb::train);
  trained.run = run.path();
  trained.config = config;
  trained.weights = trained_folder(run, source.phase);
  if (choice.base.empty()) choice.base = config.model;
  choice.trained_on = config.task;
  if (choice.task.empty()) choice.task = config.task;
  if (choice.protocol.empty()) choice.protocol = config.protocol;
  if (choice.precision.empty()) choice.precision = config.precision;
  if (source.data.empty()) {
    trained.data = config.data;
    if (choice.task == config.task) {
      trained.overrides = {config.train_file, config.validation_file, config.test_file};
    }
  }
  if (source.max_length == 0) trained.max_length = config.max_seq_length;
  if (config.method.method != "full") {
    choice.adapter = trained.weights;
    require(fs::is_directory(choice.base),
            "[run] the base model of {} is not at {} any more; name its folder by --model.",
            run.path(), choice.base);
  } else if (data::has_tokenizer(trained.weights)) {
    choice.base = trained.weights;
  }
  trained.tokenizer_folder = choice.base;
  if (config.method.method == "full") choice.base = trained.weights;
}

// Of a model, with an adapter or without.
void choose_model(Trained& trained, Choice& choice) {
  require_model_folder(choice.base);
  trained.weights = choice.adapter.empty() ? choice.base : choice.adapter;
  trained.tokenizer_folder = choice.base;
  if (!choice.adapter.empty()) {
    choice.trained_on = sora::read_adapter_config(choice.adapter).info.task;
  }
  if (choice.task.empty()) choice.task = choice.trained_on;
}

void set_task(const TrainedSource& source, const Choice& choice, const Note& note,
              Trained& trained) {
  if (choice.task.empty()) misuse("[usage] --task is missing.");
  if (choice.task == kCustomTask) {
    take_own_keys(trained, source);
    trained.own_task = own_task_of(trained, choice.base, choice.adapter, source.needs_head);
    trained.task = trained.own_task.get();
  } else {
    if (!source.keys.empty()) {
      throw UsageError(fmt::format("[usage] {} is a key of own data; the task is {}, not custom.",
                                   quote(source.keys[0]), choice.task));
    }
    trained.task = &data::find_task(choice.task);
  }
  if (const std::string line = other_task_line(trained.weights, choice.trained_on, *trained.task);
      !line.empty()) {
    note(line);
  }
}

// Loads the model and its adapter. The base model is hashed meanwhile, if the adapter names its
// hash.
void load_parts(const TrainedSource& source, const Choice& choice, const Note& note,
                Trained& trained) {
  models::LoadOptions options = load_options(*trained.task);
  options.device = trained.device;
  options.precision = parse_precision(choice.precision.empty() ? "fp32" : choice.precision);
  std::string wanted;
  if (!choice.adapter.empty()) {
    const sora::AdapterInfo info = sora::read_adapter_config(choice.adapter).info;
    wanted = info.base_model_sha256;
    const std::string& tokenizer = info.tokenizer_sha256;
    if (!tokenizer.empty() && tokenizer != data::tokenizer_sha256(choice.base)) {
      note(
          fmt::format("warning: the tokenizer of {} has other files than the one that {} was "
                      "trained with.",
                      choice.base, choice.adapter));
    }
  }
  std::shared_future<std::string> found;
  if (!wanted.empty()) found = start_base_sha256(choice.base);
  models::LoadedModel loaded = models::load_model(choice.base, options);
  if (!wanted.empty()) require_base_model(choice.base, found.get(), wanted);
  for (const std::string& line : loaded.notes) note(line);
  trained.method = load_adapter_and_head(choice.adapter, choice.base, loaded);
  if (const std::string drawn = models::drawn_line(loaded, options.seed); !drawn.empty()) {
    require(loaded.other_labels.empty() && !source.needs_head,
            "[model] the head is untrained: {} Give a model or an adapter that holds it.", drawn);
    note("warning: the head is untrained: " + drawn);
  }
  trained.model = std::move(loaded.model);
}

}  // namespace

data::CustomKeys own_keys(const Trained& trained) {
  data::CustomKeys keys = custom_keys(trained.config);
  keys.labels = trained.own_task->labels;
  keys.problem_type = data::name_of(trained.own_task->problem_type);
  return keys;
}

Trained open_trained(const TrainedSource& source, const Note& note) {
  check_usage(source);
  Trained trained;
  trained.data = source.data;
  trained.max_length = source.max_length > 0 ? source.max_length : 128;
  Choice choice{.task = source.task,
                .protocol = source.protocol,
                .precision = source.precision,
                .base = source.model,
                .adapter = source.adapter};
  if (source.run.empty()) {
    choose_model(trained, choice);
  } else {
    choose_run(source, trained, choice);
  }
  trained.tokenizer = data::load_tokenizer(trained.tokenizer_folder);
  set_task(source, choice, note, trained);
  trained.protocol = data::parse_protocol(choice.protocol.empty() ? "glue" : choice.protocol);
  trained.device = resolve_device(source.device);
  load_parts(source, choice, note, trained);
  require_length(*trained.model, trained.max_length, "max_length");
  return trained;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
