#include "train/loop/open_trained.h"

#include <filesystem>

#include "core/error.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "train/loop/base_hash.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void misuse(const char* message) {
  throw UsageError(message);
}

}  // namespace

std::string trained_folder(const RunFolder& run, int64_t phase) {
  if (phase >= 0) {
    const std::string folder = run.file(fmt::format("phases/phase-{}", phase));
    require(fs::is_directory(folder), "[run] {} has no phases/phase-{}; `inspect` lists them.",
            run.path(), phase);
    return folder;
  }
  // After a path of thresholds the best model of phase 0 is not what was trained for.
  const bool path = fs::is_directory(run.file("phases"));
  for (const char* name : {path ? "final" : "best", path ? "best" : "final"}) {
    if (fs::is_directory(run.file(name))) return run.file(name);
  }
  fail("[run] {} has neither best/ nor final/ yet; train it first.", run.path());
}

Trained open_trained(const TrainedSource& source, const Note& note) {
  if (source.run.empty() && source.model.empty()) misuse("[usage] give --run or --model.");
  if (!source.run.empty() && !source.adapter.empty()) {
    misuse("[usage] --adapter belongs to --model; a run has its own.");
  }
  if (source.run.empty() && source.phase >= 0) misuse("[usage] --phase belongs to --run.");
  Trained trained;
  std::string task = source.task, protocol = source.protocol, base = source.model;
  std::string precision = source.precision;
  std::string adapter = source.adapter;
  trained.data = source.data;
  trained.max_length = source.max_length > 0 ? source.max_length : 128;
  if (!source.run.empty()) {
    const RunFolder run = RunFolder::open(source.run, false);
    Config config;
    read_yaml(config, run.file("config.yaml"));
    trained.weights = trained_folder(run, source.phase);
    if (base.empty()) base = config.model;
    if (task.empty()) task = config.task;
    if (protocol.empty()) protocol = config.protocol;
    if (precision.empty()) precision = config.precision;
    if (source.data.empty()) {
      trained.data = config.data;
      if (task == config.task) {
        trained.overrides = {config.train_file, config.validation_file, config.test_file};
      }
    }
    if (source.max_length == 0) trained.max_length = config.max_seq_length;
    if (config.method.method != "full") {
      adapter = trained.weights;
      require(fs::is_directory(base),
              "[run] the base model of {} is not at {} any more; name its folder by --model.",
              run.path(), base);
    } else if (data::has_tokenizer(trained.weights)) {
      base = trained.weights;
    }
    trained.tokenizer_folder = base;
    if (config.method.method == "full") base = trained.weights;
  } else {
    trained.weights = adapter.empty() ? base : adapter;
    trained.tokenizer_folder = base;
    if (task.empty() && !adapter.empty()) task = sora::read_adapter_config(adapter).info.task;
  }
  trained.tokenizer = data::load_tokenizer(trained.tokenizer_folder);
  if (task.empty()) misuse("[usage] --task is missing.");
  trained.task = &data::find_task(task);
  trained.protocol = data::parse_protocol(protocol.empty() ? "glue" : protocol);
  trained.device = resolve_device(source.device);

  models::LoadOptions options;
  options.num_labels = trained.task->num_labels();
  options.regression = trained.task->regression();
  options.device = trained.device;
  options.precision = parse_precision(precision.empty() ? "fp32" : precision);
  std::string wanted;  // base_model_sha256 of the adapter
  if (!adapter.empty()) wanted = sora::read_adapter_config(adapter).info.base_model_sha256;
  std::shared_future<std::string> found;
  if (!wanted.empty()) found = start_base_sha256(base);
  models::LoadedModel loaded = models::load_model(base, options);
  if (!wanted.empty()) require_base_model(base, found.get(), wanted);
  const std::string drawn = models::drawn_line(loaded, options.seed);
  trained.model = std::move(loaded.model);
  if (!adapter.empty()) {
    trained.method = sora::load_adapter(adapter, *trained.model);
  } else if (!drawn.empty()) {
    note("warning: the head is untrained: " + drawn);
  }
  require_length(*trained.model, trained.max_length, "max_length");
  return trained;
}

}  // namespace soragrad::train
