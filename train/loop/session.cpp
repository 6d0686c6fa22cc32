#include "train/loop/session.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/permutation.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "nn/checkpoint/state_dict.h"
#include "train/config/own_data.h"
#include "train/config/suggest.h"
#include "train/loop/adapter_classes.h"
#include "train/loop/agreement.h"
#include "train/loop/base_hash.h"
#include "train/loop/interrupt.h"
#include "train/loop/load_options.h"
#include "train/loop/own_rows.h"
#include "train/run/checkpoint_gpu.h"
#include "train/run/run_inputs.h"

namespace soragrad::train {

namespace {

sora::TunerSettings tuner_settings(const Config& config, const Plan& plan) {
  return {.learning_rate = config.learning_rate,
          .weight_decay = config.weight_decay,
          .adam_beta1 = config.adam_beta1,
          .adam_beta2 = config.adam_beta2,
          .adam_epsilon = config.adam_epsilon,
          .max_grad_norm = config.max_grad_norm,
          .optim = config.optim,
          .lr_scheduler_type = config.lr_scheduler_type,
          .warmup_ratio = config.warmup_ratio,
          .warmup_steps = config.warmup_steps,
          .gradient_accumulation_steps = config.gradient_accumulation_steps,
          .seed = static_cast<uint64_t>(config.seed),
          .total_steps = plan.phases.front().steps,
          .edit_groups = {}};
}

std::unique_ptr<data::Sampler> make_sampler(const Config& config, const Rows& rows) {
  data::SamplerOptions options;
  options.rows = rows.size();
  options.batch_size = config.per_device_train_batch_size;
  options.accumulation = config.gradient_accumulation_steps;
  options.shuffle = config.shuffle;
  options.group_by_length = config.group_by_length;
  options.seed = static_cast<uint64_t>(config.seed);
  if (config.group_by_length) {
    for (const data::Encoded& row : rows.encoded) {
      options.lengths.push_back(static_cast<int64_t>(row.ids.size()));
    }
  }
  return std::make_unique<data::Sampler>(std::move(options));
}

// The first `limit` rows; 0: all.
void keep_first(data::Dataset& dataset, int64_t limit) {
  if (limit > 0 && limit < dataset.size()) dataset.rows.resize(static_cast<size_t>(limit));
}

int64_t row_limit(const Config& config, data::Split split) {
  switch (split) {
    case data::Split::train:
      return config.max_train_samples;
    case data::Split::validation:
      return config.max_eval_samples;
    case data::Split::test:
      return config.max_predict_samples;
  }
  return 0;
}

// The rows of own data, which is read already, with their tokens.
void load_own_rows(Session& session, const data::Tokenizer& tokenizer) {
  const Config& config = session.config;
  const auto encoded = [&](const char* name, data::Split split, data::CustomPart& part) {
    stop_if_interrupted();
    keep_first(part.rows, row_limit(config, split));
    return encode_rows(tokenizer, {name, std::move(part.rows)}, config.max_seq_length,
                       session.model->config().vocab_size);
  };
  data::CustomData& custom = *session.custom;
  session.train = encoded("train", data::Split::train, custom.train);
  session.validation.push_back(encoded("validation", data::Split::validation, custom.validation));
  if (custom.test.rows.labelled) {
    session.test.push_back(encoded("test", data::Split::test, custom.test));
  }
}

// Rows and tokens of all splits that the run reads.
void load_rows(Session& session, const data::Tokenizer& tokenizer, const Note& note) {
  const Config& config = session.config;
  if (session.custom) return load_own_rows(session, tokenizer);
  const data::Task& task = *session.task;
  const data::Protocol protocol = data::parse_protocol(config.protocol);
  const data::GlueFiles files = data::find_glue_files(
      task, config.data, {config.train_file, config.validation_file, config.test_file});
  const int64_t vocab = session.model->config().vocab_size;
  const auto load = [&](data::Split split) {
    std::vector<Rows> loaded;
    for (data::NamedDataset& named : data::load_split(task, protocol, files, split)) {
      if (!named.dataset.labelled) continue;
      stop_if_interrupted();
      keep_first(named.dataset, row_limit(config, split));
      if (const std::string text = dropped_text(named.dataset); !text.empty()) note(text);
      loaded.push_back(encode_rows(tokenizer, std::move(named), config.max_seq_length, vocab));
    }
    return loaded;
  };
  session.train = std::move(load(data::Split::train).at(0));
  session.validation = load(data::Split::validation);
  session.test = load(data::Split::test);
}

// The sample of training rows on which every phase is measured (train/loop/plan.h).
Rows sample_of(const Rows& train) {
  Rows sample{"train_sample", train.dataset, {}};
  sample.dataset.rows.clear();
  std::vector<int64_t> order = data::numpy_permutation(train.size(), kTrainSampleSeed);
  if (train.size() > kTrainSampleRows) order.resize(static_cast<size_t>(kTrainSampleRows));
  for (const int64_t row : order) {
    sample.dataset.rows.push_back(train.dataset.rows[static_cast<size_t>(row)]);
    sample.encoded.push_back(train.encoded[static_cast<size_t>(row)]);
  }
  return sample;
}

// Attaches the method, with initial_state's values if the run begins; a checkpoint has them itself.
void attach_method(Session& session, const Note& note) {
  const Config& config = session.config;
  const std::string initial = config.initial_state;
  // Old checkpoints do not hold all that initial_state replaces.
  const bool restored = session.checkpoint && session.checkpoint->values.is_object();
  const bool saved_adapter = restored && session.checkpoint->has_adapter_config;
  session.from_adapter = saved_adapter || (!restored && std::filesystem::is_directory(initial));
  if (session.from_adapter) {
    const std::string& source = saved_adapter ? session.checkpoint->folder : initial;
    session.config.method = sora::continued(config.method, source);
    note(fmt::format("{}: its modules, ranks and factors instead of the run's.", initial));
  }
  session.tuner = std::make_unique<sora::Tuner>(*session.model, session.config.method,
                                                tuner_settings(config, session.plan));
  session.tuner->begin_phase(session.plan.phases.front());
  std::vector<nn::Parameter*> replaced;
  if (!restored && session.from_adapter) {
    sora::load_initial_adapter(initial, *session.model);
    const std::vector<std::string> classes =
        adapter_classes(sora::read_adapter_config(initial).info, config.model);
    if (!order_head(*session.model, classes)) {
      note(fmt::format("warning: {} answers {}; its head goes on for {}, in this order.", initial,
                       models::shown_names(classes),
                       models::shown_names(session.model->config().label_names)));
    }
  } else if (!restored && !initial.empty()) {
    replaced = load_initial_state(*session.model, initial, session.device);
  }
  for (nn::Parameter* parameter : session.model->parameters()) {
    const bool own =
        nn::is_head(*parameter) || std::ranges::find(replaced, parameter) != replaced.end();
    if (own && !parameter->requires_grad()) session.own_frozen.push_back(parameter);
  }
}

// Frozen tables, biases and norms would be read from the mapped file in every step: who overwrites
// the file meanwhile would change the run, or end it by SIGBUS. The run gets copies. A Linear's
// weight needs none: its first product lays it out anew (core/packed_matrix.h).
void own_tables(nn::Module& model) {
  model.for_each_parameter([](nn::Parameter& parameter) {
    const auto* linear = dynamic_cast<const nn::Linear*>(&parameter.owner());
    const bool is_packed = linear && &parameter == &linear->weight;
    if (is_packed || !parameter.defined() || parameter.device() != Device::cpu) return;
    const Tensor mapped = parameter.value();
    parameter.assign(mapped.clone());
    mapped.storage()->drop_mapped_pages();
  });
}

}  // namespace

Device resolve_device(const std::string& name) {
  if (name == "cpu") return Device::cpu;
  const std::string reason = cuda::unavailable_reason();
  if (reason.empty()) return Device::cuda;
  require(name == "auto", "[device] cuda cannot be used: {}.", reason);
  return Device::cpu;
}

Precision parse_precision(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") return Precision::bf16;
  throw UsageError(fmt::format("[precision] {}; fp32 and bf16 are known.", quote(name)));
}

void require_length(const models::SequenceClassifier& model, int64_t max_length,
                    std::string_view key) {
  const int64_t limit = model.max_positions();
  require(limit == 0 || max_length <= limit,
          "[model] {} {} is more than the {} positions of this model's table; lower it.", key,
          max_length, limit);
}

std::vector<nn::Parameter*> load_initial_state(nn::Module& model, const std::string& path,
                                               Device device) {
  const nn::Checkpoint file = nn::open_checkpoint(path);
  std::vector<std::pair<nn::Parameter*, const nn::StoredTensor*>> pairs;
  for (const nn::StoredTensor& tensor : file.tensors()) {
    nn::Parameter* parameter = model.find_parameter(tensor.name);
    require(parameter != nullptr, "[initial_state] {}: the run has no parameter {}.", path,
            shown(tensor.name));
    const std::span<const int64_t> sizes = parameter->declared_shape().sizes();
    require(std::equal(sizes.begin(), sizes.end(), tensor.sizes.begin(), tensor.sizes.end()),
            "[initial_state] {}: {} is {}; the run's is {}.", path, tensor.name,
            nn::to_text(tensor.sizes), parameter->declared_shape());
    tensor.require_loadable();
    pairs.emplace_back(parameter, &tensor);
  }
  for (const auto& [parameter, tensor] : pairs) {
    const Tensor host = Tensor::empty(parameter->declared_shape());
    nn::copy_to<real>(*tensor, {host.data(), static_cast<size_t>(host.numel())});
    for (int64_t i = 0; i < host.numel(); ++i) {
      require(std::isfinite(host.data()[i]),
              "[initial_state] {}: {} has {} as element {} of {}; give finite numbers alone.", path,
              tensor->name, host.data()[i], i, host.numel());
    }
    parameter->assign(host.to(device));
  }
  std::vector<nn::Parameter*> parameters;
  parameters.reserve(pairs.size());
  for (const auto& [parameter, tensor] : pairs) parameters.push_back(parameter);
  return parameters;
}

namespace {

constexpr const char* kTrainRows = "train_rows";  // among the recorded values: rows_text()

// Keys that name GLUE's rows that train, and how they are read. Own data has split.json instead.
constexpr const char* kRowKeys[] = {
    "task",     "data",           "train_file",       "validation_file",
    "protocol", "max_seq_length", "max_train_samples"};

// Files that changed under a run would falsify what it records.
void require_same_rows(const Session& session) {
  const CheckpointInfo& checkpoint = *session.checkpoint;
  const std::string before =
      checkpoint.values.is_object() ? checkpoint.values.value(kTrainRows, "") : "";
  if (before.empty()) return;
  const bool is_intended = std::ranges::any_of(kRowKeys, [&](const char* key) {
    return checkpoint.values.value(key, "") != session.recorded.value(key, "");
  });
  if (is_intended) return;
  const std::string now = session.recorded.value(kTrainRows, "");
  require(now == before,
          "[data] {}: {}; the checkpoint of step {} was made with {}. Put the file back, or name "
          "other data by data=DIR or train_file=FILE.",
          shown(session.train.dataset.path), now, checkpoint.state.step, before);
}

// The model with the task's head, on the run's device.
void load_session_model(Session& session, const Note& note) {
  const Config& config = session.config;
  models::LoadOptions options = load_options(*session.task);
  options.seed = static_cast<uint64_t>(config.seed);
  options.device = session.device;
  options.precision = parse_precision(config.precision);
  options.hidden_dropout_prob = config.hidden_dropout_prob;
  options.attention_probs_dropout_prob = config.attention_probs_dropout_prob;
  options.classifier_dropout = config.classifier_dropout;
  models::LoadedModel loaded = models::load_model(config.model, options);
  for (const std::string& line : loaded.notes) note(line);
  if (const std::string line = models::drawn_line(loaded, options.seed); !line.empty()) note(line);
  session.model = std::move(loaded.model);
  own_tables(*session.model);
  require_length(*session.model, config.max_seq_length, "max_seq_length");
}

}  // namespace

std::unique_ptr<Session> open_session(const Config& config, const Note& note,
                                      std::optional<CheckpointInfo> checkpoint) {
  auto session = std::make_unique<Session>();
  session->config = config;
  session->recorded = recorded_values(config);
  session->checkpoint = std::move(checkpoint);
  require_model_folder(config.model);
  session->base_sha256 = start_base_sha256(config.model);
  session->device = resolve_device(config.device);
  if (config.threads > 0) set_num_threads(static_cast<int>(config.threads));
  if (is_custom(config)) {
    if (session->checkpoint) require_own_files(custom_keys(config), config.output);
    session->custom = load_own_data(session->config, note);
    session->recorded = recorded_values(session->config);  // with what the files settled
    session->task = session->custom->task.get();
  } else {
    session->task = &data::find_task(config.task);
  }
  const data::Task& task = *session->task;
  session->loss = {weighs_rows(config), config.label_smoothing_factor};
  for (const std::string& line : unread_loss_keys(config, task)) note("warning: " + line);

  load_session_model(*session, note);
  stop_if_interrupted();

  const auto tokenizer = data::load_tokenizer(config.model);
  load_rows(*session, *tokenizer, note);
  apply_class_weights(config, task, session->train.dataset.rows);
  if (config.schedule != "none") session->train_sample = sample_of(session->train);
  session->sampler = make_sampler(config, session->train);
  session->plan = make_plan(config, session->train.size(), session->sampler->steps_per_epoch());

  attach_method(*session, note);
  session->info = {std::filesystem::absolute(config.model).lexically_normal().string(), config.task,
                   task.num_labels()};
  session->info.tokenizer_sha256 = data::tokenizer_sha256(config.model);
  session->recorded[kRecordedTokenizer] = session->info.tokenizer_sha256;
  if (session->checkpoint) {
    require_same_tokenizer(session->checkpoint->values, session->info.tokenizer_sha256,
                           config.model);
  }
  if (session->checkpoint && !session->checkpoint->base_sha256.empty()) {
    require_base_model(config.model, session->base_sha256.get(), session->checkpoint->base_sha256);
  }
  if (!session->custom) {
    session->recorded[kTrainRows] = rows_text(session->train);
    if (session->checkpoint) require_same_rows(*session);
  }
  if (session->checkpoint) compare_gpus(session->checkpoint->gpu, session->device, note);
  stop_if_interrupted();
  if (session->custom) {
    session->info.labels = task.labels;
    session->info.problem_type = data::name_of(task.problem_type);
  }
  return session;
}

void save_trained(const std::string& folder, Session& session) {
  if (session.config.method.method == "full") {
    models::save_model(folder, *session.model);
    data::copy_tokenizer(session.config.model, folder);
    return;
  }
  sora::AdapterInfo info = session.info;
  info.base_model_sha256 = session.base_sha256.get();
  sora::save_adapter(folder, *session.model, session.config.method, info);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
