#include "cli/export.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include <filesystem>

#include "core/console.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/output_path.h"
#include "core/text.h"
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

// Before the work: an empty folder, or a name that a folder can get.
void check_output(const std::string& path) {
  std::error_code error;
  require(!path_exists(path) || (is_folder(path) && fs::is_empty(path, error)),
          "[{}] exists; choose another --output.", shown(path));
  require_output_folder(path);
}

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
  require(!full, "[--format] a run of method=full is a whole model; export it as merged.");
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
    throw UsageError(
        fmt::format("[--format] is {}; expected peft, merged or pruned.", quote(options.format)));
  }
  check_output(options.output);
  train::Config config;
  const train::RunFolder run = train::RunFolder::open(options.run, false);
  train::read_yaml(config, run.file("config.yaml"));
  train::Trained trained = train::open_trained(
      {.run = options.run, .model = options.model, .device = "cpu", .phase = options.phase},
      [](const std::string& line) { log_line(line); });
  make_folders(options.output);
  try {
    write_export(options, trained, config);
  } catch (const Error&) {
    std::error_code error;
    fs::remove(options.output, error);  // only where nothing was written
    throw;
  }
  write_output(fmt::format("{} of {} in {}\n", options.format, trained.weights, options.output));
  return 0;
}

}  // namespace soragrad::cli
