#include "cli/trace.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "autograd/graph.h"
#include "core/error.h"
#include "core/output_path.h"
#include "data/batch.h"
#include "models/load.h"
#include "nn/checkpoint/safetensors.h"
#include "sora/adapter_file.h"
#include "train/loop/task_loss.h"
#include "train/loop/rows.h"
#include "train/loop/session.h"

namespace soragrad::cli {
namespace {

constexpr int64_t kDefaultMaxLength = 512;
constexpr int64_t kLargestMaxLength = 1 << 20;

// Keeps arrays until they are written: reals as F32, whatever this build computes in.
class ArrayFile {
 public:
  void add(const std::string& name, const Tensor& tensor) {
    const std::vector<real> elements = tensor.to_vector();
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

 private:
  void add_floats(const std::string& name, std::span<const int64_t> sizes) {
    writer_.add(name, sizes, std::span<const float>(floats_.back()));
  }

  nn::SafetensorsWriter writer_;  // borrows the elements; a deque does not move them
  std::deque<std::vector<float>> floats_;
  std::deque<std::vector<int64_t>> integers_;
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

data::NamedDataset read_rows(const TraceOptions& options, const data::Task& task) {
  data::Dataset dataset = data::load_glue_file(task, options.input);
  const std::string dropped = train::dropped_text(dataset);
  if (!dropped.empty()) fmt::print(stderr, "{}\n", dropped);
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

// The number in "....encoder.layer.NUMBER" + ending; none where the path reads otherwise.
std::optional<std::string> layer_number(std::string_view path, std::string_view ending) {
  constexpr std::string_view kLayer = ".encoder.layer.";
  const size_t at = path.find(kLayer);
  if (at == path.npos || !path.ends_with(ending)) return std::nullopt;
  path.remove_suffix(ending.size());
  if (path.size() <= at + kLayer.size()) return std::nullopt;
  const std::string_view number = path.substr(at + kLayer.size());
  if (number.find_first_not_of("0123456789") != number.npos) return std::nullopt;
  return std::string(number);
}

void add_output(ArrayFile& file, const std::string& path, const Tensor& output) {
  if (const auto layer = layer_number(path, ".attention.self.dropout")) {
    file.add("attention." + *layer, output);
    return;
  }
  file.add("act." + path, output);
  if (path.ends_with(".embeddings")) file.add("hidden.0", output);
  if (const auto layer = layer_number(path, "")) {
    file.add("hidden." + std::to_string(std::stoll(*layer) + 1), output);
  }
}

void add_gradients(ArrayFile& file, nn::Module& model) {
  model.for_each_parameter([&](nn::Parameter& parameter) {
    const Tensor grad = parameter.grad();
    file.add("grad." + parameter.path(),
             grad.defined() ? grad : Tensor::zeros(parameter.declared_shape()));
  });
}

}  // namespace

int trace_main(const TraceOptions& options) {
  check_options(options);
  require_output_file(options.output);
  const data::Task& task = data::find_task(options.task);
  const Device device = parse_device(options.device);
  const Precision precision = train::parse_precision(options.precision);
  const models::LoadedModel loaded =
      models::load_model(options.model, {.num_labels = task.num_labels(),
                                         .regression = task.regression(),
                                         .seed = options.seed,
                                         .device = device,
                                         .precision = precision});
  models::SequenceClassifier& model = *loaded.model;
  std::unique_ptr<sora::Method> method;
  if (!options.adapter.empty()) method = sora::load_adapter(options.adapter, model);
  const std::string drawn = models::drawn_line(loaded, options.seed);
  if (!drawn.empty() && !method) fmt::print(stderr, "{}\n", drawn);

  const int64_t max_length = choose_max_length(options, model.max_positions());
  const auto tokenizer = data::load_tokenizer(options.model);
  const train::Rows rows = train::encode_rows(*tokenizer, read_rows(options, task), max_length,
                                              model.config().vocab_size);
  const bool labelled = rows.dataset.labelled;
  require(labelled || !options.grad, "[{}] has no labels; gradients need them.", options.input);
  const data::Batch batch = read_batch(options, rows);

  ArrayFile file;
  file.add("input_ids", batch.input_ids);
  file.add("offsets", batch.offsets);
  if (labelled) {
    task.regression() ? file.add("labels", batch.scores) : file.add("labels", batch.labels);
  }
  model.for_each_parameter(
      [&](nn::Parameter& parameter) { parameter.set_requires_grad(options.grad); });
  nn::Pass pass{.seed = options.seed};
  pass.observe = [&](const std::string& path, const Variable& output) {
    add_output(file, path, output.value());
  };
  const Variable logits = model.forward(batch, pass);
  file.add("logits", logits.value());
  if (labelled) {
    const Tensor answers = train::answers(batch, task.regression(), logits.size(1));
    const Variable loss = train::task_loss(logits, answers.to(device));
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
