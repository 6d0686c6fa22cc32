#include "cli/trace.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/graph.h"
#include "cli/output_file.h"
#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "data/batch.h"
#include "data/custom/custom.h"
#include "models/load.h"
#include "nn/checkpoint/mapped_file.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/adapter_file.h"
#include "train/config/own_data.h"
#include "train/loop/load_options.h"
#include "train/loop/open_trained.h"
#include "train/loop/own_rows.h"
#include "train/loop/rows.h"
#include "train/loop/session.h"
#include "train/loop/task_loss.h"
#include "train/run/number_text.h"
#include "train/run/run_inputs.h"

namespace soragrad::cli {
namespace {

constexpr int64_t kDefaultMaxLength = 512;
constexpr int64_t kLargestMaxLength = 1 << 20;

// Keeps arrays until they are written: reals as F32, whatever this build computes in.
class ArrayFile {
 public:
  void add(const std::string& name, const Tensor& tensor) {
    const std::vector<real> elements = tensor.to_vector();
    const bool finite = std::ranges::all_of(elements, [](real x) { return std::isfinite(x); });
    if (!finite && first_broken_.empty()) first_broken_ = name;
    floats_.emplace_back(elements.begin(), elements.end());
    add_floats(name, tensor.shape().sizes());
  }
  void add(const std::string& name, const std::vector<float>& elements) {
    floats_.push_back(elements);
    const int64_t size = static_cast<int64_t>(elements.size());
    add_floats(name, {&size, 1});
  }
  void add(const std::string& name, const std::vector<int64_t>& elements) {
    integers_.push_back(elements);
    const int64_t size = static_cast<int64_t>(elements.size());
    writer_.add(name, {&size, 1}, std::span<const int64_t>(integers_.back()));
  }
  void write(const std::string& path) const { writer_.write(path); }
  // The array of numbers that are not all finite that was added first; "" if there is none.
  const std::string& first_broken() const { return first_broken_; }

 private:
  void add_floats(const std::string& name, std::span<const int64_t> sizes) {
    writer_.add(name, sizes, std::span<const float>(floats_.back()));
  }

  nn::SafetensorsWriter writer_;  // borrows the elements; a deque does not move them
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<int64_t>> integers_;
  std::string first_broken_;
};

Device parse_device(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  if (name == "cuda") return Device::cuda;
  throw UsageError(fmt::format("[trace] device \"{}\"; cpu and cuda are known.", name));
}

void check_options(const TraceOptions& options) {
  const auto usage = [](bool right, const std::string& message) {
    if (!right) throw UsageError(message);
  };
  usage(options.start >= 0, fmt::format("[trace] start {}; rows count from 0.", options.start));
  usage(options.rows >= 1, fmt::format("[trace] rows {}; at least 1 is needed.", options.rows));
  usage(
      !options.max_length || (*options.max_length > 0 && *options.max_length <= kLargestMaxLength),
      fmt::format("[trace] max-length {}; 1 to {} are possible.", options.max_length.value_or(0),
                  kLargestMaxLength));
}

int64_t choose_max_length(const TraceOptions& options, int64_t max_positions) {
  const int64_t limit = max_positions > 0 ? max_positions : kLargestMaxLength;
  if (!options.max_length) return std::min(kDefaultMaxLength, limit);
  if (*options.max_length > limit) {
    throw UsageError(fmt::format("[trace] max-length {}; the model's position table holds {}.",
                                 *options.max_length, limit));
  }
  return *options.max_length;
}

// What is traced: the rows of a file, and the task that they are for.
struct Input {
  data::CustomData custom;  // owns the task of own data
  const data::Task* task = nullptr;
  data::Dataset rows;
};

// Of own data's keys, those that say how the file is read. (weight_column: its weights are
// checked.)
void require_read(std::string_view name) {
  constexpr std::string_view kUnread[] = {"validation_split", "split_seed", "k_folds", "fold"};
  const train::Key* key = train::find_key(name);
  if (key && (key->group != train::kOwnDataGroup ||
              std::ranges::find(kUnread, name) != std::end(kUnread))) {
    throw UsageError(fmt::format(
        "[usage] {} has no effect here: trace reads the file of --input, and its loss is plain.",
        name));
  }
}

Input read_input(const TraceOptions& options) {
  Input input;
  if (options.task != train::kCustomTask) {
    if (!options.keys.empty()) {
      throw UsageError(fmt::format("[trace] {} is a key of own data; it needs --task custom.",
                                   quote(options.keys[0])));
    }
    input.task = &data::find_task(options.task);
    input.rows = data::load_glue_file(*input.task, options.input);
    return input;
  }
  train::Config config;
  for (const std::string& key : options.keys) {
    train::set_argument(config, key);
    require_read(std::string_view(key).substr(0, key.find('=')));
  }
  data::CustomKeys keys = train::custom_keys(config);
  keys.train_files = {options.input};
  input.custom = data::load_custom_train(keys, train::model_labels(options.model));
  input.task = input.custom.task.get();
  input.rows = std::move(input.custom.train.rows);
  return input;
}

data::NamedDataset chosen_rows(const TraceOptions& options, data::Dataset dataset) {
  const std::string dropped = train::dropped_text(dataset);
  if (!dropped.empty()) log_line(dropped);
  require(options.start < dataset.size(), "[{}] has {} rows; none is left from row {} on.",
          options.input, dataset.size(), options.start);
  const int64_t end = options.start + std::min(options.rows, dataset.size() - options.start);
  dataset.rows.erase(dataset.rows.begin() + end, dataset.rows.end());
  dataset.rows.erase(dataset.rows.begin(), dataset.rows.begin() + options.start);
  return {"trace", std::move(dataset)};
}

data::Batch read_batch(const TraceOptions& options, const train::Rows& rows) {
  std::vector<int64_t> order;
  for (int64_t row = 0; row < rows.size(); ++row) order.push_back(row);
  data::Batch batch = data::collate(rows.encoded, rows.dataset.rows, order);
  for (int64_t& row : batch.rows) row += options.start;
  return batch;
}

// Names of the arrays that a module's output fills beside act.PATH, by the module's path.
class OutputNames {
 public:
  explicit OutputNames(nn::Module& model) {
    int64_t layer = -1;  // whose modules are visited
    model.for_each_module([&](nn::Module& module) {
      if (module.role() == nn::Role::embeddings) names_[module.path()] = "hidden.0";
      if (module.role() == nn::Role::layer) {
        names_[module.path()] = fmt::format("hidden.{}", ++layer + 1);
      }
      if (module.role() == nn::Role::attention_probabilities) {
        names_[module.path()] = fmt::format("{}{}", kAttention, layer);
      }
    });
  }
  void add(ArrayFile& file, const std::string& path, const Tensor& output) const {
    const auto found = names_.find(path);
    const bool named = found != names_.end();
    if (!named || !found->second.starts_with(kAttention)) file.add("act." + path, output);
    if (named) file.add(found->second, output);
  }

 private:
  static constexpr std::string_view kAttention = "attention.";
  std::map<std::string, std::string> names_;
};

void add_gradients(ArrayFile& file, nn::Module& model) {
  model.for_each_parameter([&](nn::Parameter& parameter) {
    const Tensor& grad = parameter.grad();
    file.add("grad." + parameter.path(),
             grad.defined() ? grad : Tensor::zeros(parameter.declared_shape()));
  });
}

// Lines about the model's files. Throws if the head is one of other classes than the task's; own
// data gets a fresh one.
void note_files(const TraceOptions& options, const data::Task& task,
                const models::LoadedModel& loaded) {
  std::vector<std::string> lines = loaded.notes;
  if (!options.adapter.empty()) {
    const std::string trained_on = sora::read_adapter_config(options.adapter).info.task;
    lines.push_back(train::other_task_line(options.adapter, trained_on, task));
  }
  lines.push_back(models::drawn_line(loaded, options.seed));
  const bool may_draw = options.task == train::kCustomTask && options.adapter.empty();
  require(may_draw || loaded.other_labels.empty() || loaded.drawn.empty(), "[trace] {}",
          lines.back());
  for (const std::string& line : lines) {
    if (!line.empty()) log_line(line);
  }
}

// Throws naming the first row (counted as --start counts) whose logits (rows, labels) are not
// finite, and the first array that holds such numbers.
void require_finite(const Variable& logits, int64_t start, const std::string& array) {
  const std::vector<real> values = logits.value().to_vector();
  const auto broken = std::ranges::find_if(values, [](real x) { return !std::isfinite(x); });
  if (broken == values.end()) return;
  fail(
      "[trace] a logit of row {} (from 0) is {}, which is not finite. The first array with such "
      "numbers is {}; weights are damaged.",
      start + (broken - values.begin()) / logits.size(1),
      train::number_text(static_cast<double>(*broken)), array);
}

// Class numbers are the model's, as logits are.
void add_labels(ArrayFile& file, const Tensor& labels) {
  if (labels.dtype() == DType::i64) {
    file.add("labels", labels.to_vector<int64_t>());
  } else {
    file.add("labels", labels);
  }
}

models::LoadedModel load_traced(const TraceOptions& options, const data::Task& task) {
  models::LoadOptions load = train::load_options(task);
  load.seed = options.seed;
  load.device = parse_device(options.device);
  load.precision = train::parse_precision(options.precision);
  return models::load_model(options.model, load);
}

}  // namespace

int trace_main(const TraceOptions& options) {
  check_options(options);
  require_result_file(options.output, {options.input});
  train::require_model_folder(options.model);
  Input input = read_input(options);
  const data::Task& task = *input.task;
  models::LoadedModel loaded = load_traced(options, task);
  models::SequenceClassifier& model = *loaded.model;
  const std::unique_ptr<sora::Method> method =
      train::load_adapter_and_head(options.adapter, options.model, loaded);
  note_files(options, task, loaded);

  const int64_t max_length = choose_max_length(options, model.max_positions());
  const auto tokenizer = data::load_tokenizer(options.model);
  const train::Rows rows =
      train::encode_rows(*tokenizer, chosen_rows(options, std::move(input.rows)), max_length,
                         model.config().vocab_size);
  const bool labelled = rows.dataset.labelled;
  require(labelled || !options.grad, "[{}] has no labels; gradients need them.", options.input);
  const data::Batch batch = read_batch(options, rows);

  const models::ClassMap classes = train::class_map(model, task);
  ArrayFile file;
  file.add("input_ids", batch.input_ids);
  file.add("offsets", batch.offsets);
  train::Answers answers;
  if (labelled) {
    answers = train::answers(batch, task, classes);
    add_labels(file, answers.labels);
  }
  model.for_each_parameter(
      [&](nn::Parameter& parameter) { parameter.set_requires_grad(options.grad); });
  const OutputNames names(model);
  nn::Pass pass{.seed = options.seed};
  pass.observe = [&](const std::string& path, const Variable& output) {
    names.add(file, path, output.value());
  };
  const Variable logits = model.forward(batch, pass);
  nn::require_unchanged_files();
  require_finite(logits, options.start, file.first_broken());
  file.add("logits", logits.value());
  if (labelled) {
    const Variable loss = train::task_loss(logits, answers.to(logits.device()));
    file.add("loss", loss.value());
    if (options.grad) {
      backward(loss);
      add_gradients(file, model);
    }
  }
  file.write(options.output);
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
