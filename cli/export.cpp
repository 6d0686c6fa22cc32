#include "cli/export.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/console.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "sora/adapter_file.h"
#include "sora/merge.h"
#include "sora/peft_export.h"
#include "sora/prune.h"
#include "train/loop/open_trained.h"
#include "train/run/run_folder.h"
#include "train/run/run_inputs.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

// A folder that appears under its name whole or not at all: it is filled under another name beside
// it.
class NewFolder {
 public:
  // Throws if the folder cannot be made, or holds something already.
  explicit NewFolder(const fs::path& path) : target_(absolute_path(path)) {
    if (!target_.has_filename()) target_ = target_.parent_path();  // "out/"
    std::error_code error;
    require(!path_exists(target_) || (is_folder(target_) && fs::is_empty(target_, error)),
            "[{}] exists; choose another --output.", shown(path.string()));
    unfinished_ = target_.parent_path() / (".new-" + target_.filename().string());
    fs::remove_all(unfinished_, error);
    make_folders(unfinished_);
  }
  ~NewFolder() {
    std::error_code error;
    fs::remove_all(unfinished_, error);
  }
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  const fs::path& path() const { return unfinished_; }
  void publish() const {
    std::error_code error;
    fs::rename(unfinished_, target_, error);
    require(!error, "[{}] the folder cannot be renamed to this: {}.", shown(target_.string()),
            system_reason(error.value()));
  }

 private:
  fs::path target_, unfinished_;
};

void write_export(const ExportOptions& options, const fs::path& folder, train::Trained& trained,
                  const train::Config& config) {
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
  // The names of the classes, where other programs look for them.
  write_file_atomically((folder / "config.json").string(), models::to_json(model.config()));
}

}  // namespace

int export_main(const ExportOptions& options) {
  if (options.format != "peft" && options.format != "merged" && options.format != "pruned") {
    throw UsageError(
        fmt::format("[--format] is {}; expected peft, merged or pruned.", quote(options.format)));
  }
  const NewFolder folder(options.output);  // before the work
  const train::Config config =
      train::config_of(train::RunFolder::open(options.run, false), train::Verb::train);
  train::Trained trained = train::open_trained(
      {.run = options.run, .model = options.model, .device = "cpu", .phase = options.phase},
      [](const std::string& line) { log_line(line); });
  write_export(options, folder.path(), trained, config);
  folder.publish();
  write_output(fmt::format("{} of {} in {}\n", options.format, trained.weights, options.output));
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
