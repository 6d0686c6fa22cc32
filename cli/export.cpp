#include "cli/export.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/output_path.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "sora/adapter_file.h"
#include "sora/merge.h"
#include "sora/peft_export.h"
#include "sora/prune.h"
#include "train/loop/open_trained.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

void write_export(const ExportOptions& options, train::Trained& trained,
                  const train::Config& config) {
  const fs::path folder = options.output;
  models::SequenceClassifier& model = *trained.model;
  const bool full = config.method.method == "full";
  if (options.format == "merged") {
    // Biases of bitfit and a full model's weights are in their places already.
    if (!full && config.method.method != "bitfit") sora::merge(model);
    models::save_model(folder, model);
    data::copy_tokenizer(trained.tokenizer_folder, folder);
    return;
  }
  require(!full, "[export] a run of method=full is a whole model; export it as merged.");
  const sora::AdapterConfig adapter = sora::read_adapter_config(trained.weights);
  if (options.format == "peft") {
    sora::export_peft(folder, model, adapter.info);
  } else {
    sora::save_adapter(folder, model, sora::prune(model, adapter.method), adapter.info);
  }
}

}  // namespace

int export_main(const ExportOptions& options) {
  if (options.format != "peft" && options.format != "merged" && options.format != "pruned") {
    throw UsageError(fmt::format("[export] the format is \"{}\"; expected peft, merged or pruned.",
                                 options.format));
  }
  std::error_code error;
  require(!fs::exists(options.output) || fs::is_empty(options.output, error),
          "[export] {} exists; choose another --output.", options.output);
  require_output_folder(options.output);
  train::Config config;
  const train::RunFolder run = train::RunFolder::open(options.run, false);
  train::read_yaml(config, run.file("config.yaml"));
  train::Trained trained = train::open_trained(
      {.run = options.run, .model = options.model, .device = "cpu", .phase = options.phase},
      [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  fs::create_directories(options.output);
  try {
    write_export(options, trained, config);
  } catch (const Error&) {
    fs::remove(options.output, error);  // only where nothing was written
    throw;
  }
  fmt::print("{} of {} in {}\n", options.format, trained.weights, options.output);
  return 0;
}

}  // namespace soragrad::cli
