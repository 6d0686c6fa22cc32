#include "train/loop/pretrain_finish.h"

#include "core/allocator.h"
#include "core/file.h"
#include "core/json.h"
#include "core/parallel.h"
#include "train/loop/process.h"
#include "train/run/changed_keys.h"
#include "train/run/number_text.h"
#include "train/run/results_file.h"

namespace soragrad::train {

namespace {

using nlohmann::json;

json corpus_of(const data::CorpusCounts& counts) {
  return {{"epochs", counts.epoch},
          {"documents", counts.documents},
          {"lines", counts.lines},
          {"text_bytes", counts.text_bytes},
          {"tokens", counts.tokens},
          {"invalid_utf8_lines", counts.invalid_utf8},
          {"nul_byte_lines", counts.nul_bytes},
          {"cut_lines", counts.cut_lines}};
}

// Elements of the model and, under rtd, of its generator; a shared table counts with the model.
json parameters_of(PretrainSession& session) {
  int64_t model = 0, generator = 0;
  for (const nn::Parameter* parameter : session.model->parameters()) {
    const int64_t elements = parameter->declared_shape().numel();
    (parameter->path().starts_with("generator.") ? generator : model) += elements;
  }
  return {{"trainable", model + generator}, {"model", model}, {"generator", generator}};
}

}  // namespace

json finish_pretraining(PretrainSession& session, const RunFolder& folder,
                        const Pretrainer& trainer, const Version& version) {
  folder.replace_folder("final", [&](const std::string& path) { save_pretrained(path, session); });
  const Config& config = session.config;
  const PretrainState& state = trainer.state();
  json results;
  results["objective"] = config.pretrain.objective;
  if (session.model->detects()) results["sharing"] = config.pretrain.sharing;
  results["seed"] = config.seed;
  results["model"] = config.model;
  results["steps"] = state.step;
  results["train"] = {{"loss", state.scores.loss},
                      {"mlm_loss", state.scores.mlm_loss},
                      {"mlm_accuracy", state.scores.mlm_accuracy}};
  if (session.model->detects()) {
    results["train"]["rtd_loss"] = state.scores.rtd_loss;
    results["train"]["rtd_accuracy"] = state.scores.rtd_accuracy;
  }
  results["validation"] = state.validation;
  results["parameters"] = parameters_of(session);
  if (const data::CorpusCounts* counts = session.batches->counts()) {
    results["corpus"] = corpus_of(*counts);
  }
  results["tokens"] = state.tokens;
  results["seconds"] = state.seconds;
  results["seconds_per_step"] =
      state.step > 0 ? state.step_seconds / static_cast<double>(state.step) : 0;
  results["tokens_per_second"] =
      state.step_seconds > 0 ? static_cast<double>(state.tokens) / state.step_seconds : 0;
  results["first_step_seconds"] = trainer.first_step_seconds();
  results["peak_rss_bytes"] = peak_rss_bytes();
  if (session.device == Device::cuda) {
    results["peak_gpu_bytes"] = allocator_stats(Device::cuda).peak_bytes;
  }
  results["device"] = name_of(session.device);
  results["precision"] = config.precision;
  results["threads"] = num_threads();
  const std::vector<ChangedKey> changes = read_changes(folder.file("config.yaml"));
  if (!changes.empty()) results["changed_keys"] = to_json(changes);
  results["version"] = version.number;
  results["commit"] = version.commit;
  write_file_atomically(folder.file(kResultsFile), json_text(results, 1) + "\n");
  return results;
}

std::string pretraining_summary(const json& results) {
  std::string text = fmt::format(
      "pre-training by {}, seed {}: {} steps in {} ({:.0f} tokens/s)\n",
      results.at("objective").get<std::string>(), results.at("seed").get<int64_t>(),
      results.at("steps").get<int64_t>(), duration_text(results.at("seconds").get<double>()),
      results.at("tokens_per_second").get<double>());
  for (const char* split : {"train", "validation"}) {
    for (const auto& [name, value] : results.at(split).items()) {
      text += fmt::format("  {:<12} {:<16} {:>10.4f}\n", split, name, value.get<double>());
    }
  }
  const json& parameters = results.at("parameters");
  text +=
      fmt::format("  parameters: {} of the model, {} of the generator\n",
                  parameters.at("model").get<int64_t>(), parameters.at("generator").get<int64_t>());
  if (results.contains("corpus")) {
    const json& corpus = results.at("corpus");
    text += fmt::format("  corpus: {} tokens read from {} documents, {} whole passes\n",
                        corpus["tokens"].get<int64_t>(), corpus["documents"].get<int64_t>(),
                        corpus["epochs"].get<int64_t>());
  }
  return text;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
