#include "cli/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/doctor_report.h"
#include "core/allocator.h"
#include "core/error.h"
#include "core/file.h"
#include "core/kernels/linear/gemm_gelu.h"
#include "core/output_path.h"
#include "core/parallel.h"
#include "core/text.h"
#include "data/batch.h"
#include "data/tokenizer/tokenizer.h"
#include "models/config.h"
#include "nn/checkpoint/checkpoint.h"
#include "train/config/config.h"
#include "train/config/own_data.h"
#include "train/loop/process.h"
#include "train/loop/session.h"
#include "train/loop/train_step.h"
#include "train/run/number_text.h"
#include "train/run/run_folder.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kTimedSteps = 3;   // after a first one, which packs weights
constexpr double kCutWarning = 0.1;  // share of rows that fill max_seq_length
constexpr int64_t kFloat = sizeof(real);
constexpr int64_t kOptimizerFloats = 4;  // of a trained parameter: value, gradient, two moments

int64_t stored_bytes(const std::string& folder) {
  int64_t bytes = 0;
  const nn::Checkpoint file = nn::open_checkpoint(folder);
  for (const nn::StoredTensor& tensor : file.tensors()) {
    int64_t elements = 1;
    for (const int64_t size : tensor.sizes) elements *= size;
    bytes += elements * kFloat;
  }
  return bytes;
}

// config.json and weights can be read at all; names and shapes are checked when the model is made.
void check_model(DoctorReport& report, const std::string& folder) {
  report.run("model", [&] {
    require(fs::is_directory(folder), "[model] {}: no such folder.", shown(folder));
    const models::ModelConfig config = models::read_config(folder);
    const int64_t bytes = stored_bytes(folder);
    report.add(Finding::ok, "model",
               fmt::format("{}: {} layers of {}, {} of weights", shown(folder), config.layers,
                           config.hidden_size, size_text(bytes)));
  });
}

// A sentence that every tokenizer must cut into known pieces, the same twice, and shorter on
// demand.
void check_tokenizer(DoctorReport& report, const train::Config& config) {
  report.run("tokenizer", [&] {
    constexpr std::string_view kText = "The quick brown fox jumps over the lazy dog, twice a day.";
    const auto tokenizer = data::load_tokenizer(config.model);
    const data::Encoded whole = tokenizer->encode(kText);
    const int64_t vocab = models::read_config(config.model).vocab_size;
    const auto size = static_cast<int64_t>(whole.ids.size());
    require(tokenizer->encode(kText).ids == whole.ids && size >= 3 &&
                whole.ids.front() == tokenizer->cls_id() && whole.ids.back() == tokenizer->sep_id(),
            "[tokenizer] {}: the self-test fails: the tokens of a sentence are not framed by the "
            "special tokens.",
            shown(config.model));
    const int32_t largest = *std::ranges::max_element(whole.ids);
    require(largest < vocab,
            "[tokenizer] {} gives token {} where the model has {} embeddings; tokenizer and "
            "weights do not belong together.",
            shown(config.model), largest, vocab);
    const auto cut = tokenizer->encode(kText, std::nullopt, 5).ids.size();
    require(cut == 5, "[tokenizer] {}: a text cut to 5 tokens has {}.", shown(config.model), cut);
    const auto unknown = std::ranges::count(whole.ids, tokenizer->unk_id());
    report.add(unknown * 2 > size ? Finding::warning : Finding::ok, "tokenizer",
               fmt::format("{} entries, {} tokens for an English sentence, {} of them unknown",
                           tokenizer->vocab_size(), size, unknown));
  });
}

// The folder that exists above a path that may not.
fs::path existing_above(fs::path path) {
  std::error_code error;
  while (!path.empty() && !fs::exists(path, error) && path != path.parent_path()) {
    path = path.parent_path();
  }
  return path.empty() ? "." : path;
}

void check_output(DoctorReport& report, const train::Config& config) {
  report.run("output", [&] {
    train::RunFolder::check_free(config.output, config.overwrite);
    require_output_folder(config.output);
    report.add(Finding::ok, "output", fmt::format("{} can be written", shown(config.output)));
  });
}

void add_rows(DoctorReport& report, const train::Config& config, const train::Rows& rows) {
  const auto full = std::ranges::count_if(rows.encoded, [&](const data::Encoded& row) {
    return static_cast<int64_t>(row.ids.size()) >= config.max_seq_length;
  });
  int64_t tokens = 0;
  for (const data::Encoded& row : rows.encoded) tokens += static_cast<int64_t>(row.ids.size());
  const auto count = static_cast<double>(std::max<int64_t>(rows.size(), 1));
  const bool is_cut = static_cast<double>(full) > kCutWarning * count;
  report.add(is_cut || rows.dataset.dropped > 0 ? Finding::warning : Finding::ok, "data",
             fmt::format("{}: {} rows of {:.0f} tokens on average, {} left out, {} that fill or "
                         "pass max_seq_length={}",
                         rows.name, rows.size(), static_cast<double>(tokens) / count,
                         rows.dataset.dropped, full, config.max_seq_length));
}

struct Sizes {
  int64_t model = 0, trained = 0;  // parameters
  int64_t activations = 0;         // bytes, of a step of the longest rows
  int64_t evaluation = 0;          // bytes, of a layer of an evaluation's batch of them
};

// An estimate from above: a Linear's output and what its neighbours keep for backward.
Sizes sizes_of(const train::Session& session) {
  Sizes sizes;
  for (const nn::Parameter* parameter : session.model->parameters()) {
    sizes.model += parameter->declared_shape().numel();
    if (parameter->requires_grad()) sizes.trained += parameter->declared_shape().numel();
  }
  const models::ModelConfig& model = session.model->config();
  const train::Config& config = session.config;
  int64_t longest = 0;
  for (const data::Encoded& row : session.train.encoded) {
    longest = std::max(longest, static_cast<int64_t>(row.ids.size()));
  }
  const int64_t tokens = longest * config.per_device_train_batch_size;
  int64_t longest_judged = 0;
  for (const auto* splits : {&session.validation, &session.test}) {
    for (const train::Rows& rows : *splits) {
      for (const data::Encoded& row : rows.encoded) {
        longest_judged = std::max(longest_judged, static_cast<int64_t>(row.ids.size()));
      }
    }
  }
  const int64_t per_token = 10 * model.hidden_size + 2 * model.intermediate_size;
  const int64_t layers = config.gradient_checkpointing ? 1 : model.layers;
  sizes.activations =
      kFloat * layers * tokens * (per_token + 2 * model.heads * longest) +
      2 * kFloat * config.gradient_checkpointing * model.layers * tokens * model.hidden_size;
  sizes.evaluation = kFloat * longest_judged * config.per_device_eval_batch_size *
                     (per_token + 2 * model.heads * longest_judged);
  return sizes;
}

// What the run will hold: this program with the rows and weights, the weights' packed copies, what
// trains with its moments, the best values, the sum over micro-batches, and the activations of
// training and evaluation: blocks of both sizes are kept, and rounded up.
bool check_memory(DoctorReport& report, const train::Session& session) {
  const Sizes sizes = sizes_of(session);
  const int64_t floats = kOptimizerFloats + 1 + (session.config.gradient_accumulation_steps > 1);
  const int64_t activations = sizes.activations + sizes.evaluation;
  const int64_t more =
      (sizes.model + floats * sizes.trained) * kFloat + activations + activations * 3 / 4;
  const int64_t own = train::peak_rss_bytes();
  const int64_t needed = own + more, there = own + available_memory();
  const bool fits = needed < there || session.device == Device::cuda;
  report.add(
      fits ? Finding::ok : Finding::fault, "memory",
      fmt::format("the run needs about {}, {} are there{}", size_text(needed), size_text(there),
                  fits ? ""
                       : "; lower per_device_train_batch_size or max_seq_length, or set "
                         "gradient_checkpointing=true"));
  return fits;
}

// Checkpoints of this run, best/ and final/, against the free space.
void check_disk(DoctorReport& report, const train::Session& session) {
  report.run("disk", [&] {
    const Sizes sizes = sizes_of(session);
    const int64_t kept = std::max<int64_t>(session.config.save_total_limit, 1) + 1;
    const int64_t needed = sizes.trained * kFloat * (kOptimizerFloats * kept + 2);
    const fs::path folder = existing_above(session.config.output);
    const auto there = static_cast<int64_t>(fs::space(folder).available);
    report.add(needed < there ? Finding::ok : Finding::fault, "disk",
               fmt::format("the run writes about {}, {} are free at {}", size_text(needed),
                           size_text(there), shown(folder.string())));
  });
}

// Makes a few steps of the run, keeps nothing of them, and tells how long all would take.
void time_steps(DoctorReport& report, train::Session& session) {
  report.run("speed", [&] {
    train::TrainStep step(session);
    double seconds = 0;
    const int64_t steps = std::min(kTimedSteps, session.plan.total_steps - 1);
    for (int64_t i = 0; i <= steps; ++i) {
      const auto start = Clock::now();
      const auto batches = session.sampler->step(i);
      const auto parts = static_cast<int64_t>(batches.size());
      double loss = 0;
      for (const std::vector<int64_t>& rows : batches) {
        const data::Batch batch =
            data::collate(session.train.encoded, session.train.dataset.rows, rows);
        loss += static_cast<double>(step.run_batch(batch, parts).item());
      }
      step.update();
      session.tuner->grad_norm().item<double>();  // waits for the device
      require(std::isfinite(loss), "[speed] the loss of step {} is {}.", i + 1, loss);
      if (i > 0) seconds += std::chrono::duration<double>(Clock::now() - start).count();
    }
    const double each = seconds / static_cast<double>(std::max<int64_t>(steps, 1));
    report.add(
        Finding::ok, "speed",
        fmt::format("{:.3g} s a step, {} steps: {} without evaluations; peak memory {} so "
                    "far",
                    each, session.plan.total_steps,
                    train::duration_text(each * static_cast<double>(session.plan.total_steps)),
                    size_text(train::peak_rss_bytes())));
    const kernels::CudnnUse use = kernels::cudnn_use();
    if (session.device != Device::cuda || use.plans == 0) return;
    report.add(use.refused.empty() ? Finding::ok : Finding::warning, "cudnn",
               fmt::format("{} plans were made in {:.1f} s{}{}", use.plans, use.plan_seconds,
                           use.refused.empty() ? "" : "; refused: ", use.refused));
  });
}

// Everything together, as train would begin: this finds what single checks cannot.
void check_run(DoctorReport& report, const train::Config& config) {
  std::unique_ptr<train::Session> session;
  report.run("run", [&] {
    session = train::open_session(config, [&](const std::string& line) {
      report.add(line.starts_with("warning:") ? Finding::warning : Finding::ok, "run", line);
    });
  });
  if (!session) return;
  add_rows(report, config, session->train);
  for (const train::Rows& rows : session->validation) add_rows(report, config, rows);
  for (const train::Rows& rows : session->test) add_rows(report, config, rows);
  check_disk(report, *session);
  if (check_memory(report, *session)) time_steps(report, *session);
}

// Whether the keys describe a whole run; a line tells what is missing.
bool resolve_keys(DoctorReport& report, train::Config& config) {
  std::string missing;
  for (const std::string_view name : {"model", "task", "data"}) {
    const bool has_own_file = train::is_custom(config) && !config.train_file.empty();
    if (name == "data" && has_own_file) continue;
    if (std::get<std::string*>(train::find_key(name)->field(config))->empty()) {
      missing += fmt::format("{}{}=", missing.empty() ? "" : ", ", name);
    }
  }
  if (missing.empty()) {
    const int64_t before = report.faults();
    report.run("keys", [&] {
      train::resolve(config);
      report.add(Finding::ok, "keys", "they describe a run");
    });
    return report.faults() == before;
  }
  report.add(Finding::warning, "keys",
             fmt::format("a run needs {} too: it is not checked", missing));
  return false;
}

}  // namespace

int doctor_main(const DoctorOptions& options, const Output& print) {
  train::Config config;
  if (!options.config.empty()) train::read_yaml(config, options.config);
  for (const std::string& argument : options.arguments) train::set_argument(config, argument);
  DoctorReport report(print);
  check_libraries(report);
  check_processor(report, config.threads);
  check_gpu(report, config.device);
  const bool has_keys = !options.config.empty() || !options.arguments.empty();
  if (!has_keys) {
    report.add(Finding::ok, "memory", fmt::format("{} are there", size_text(available_memory())));
    const auto there = static_cast<int64_t>(fs::space(".").available);
    report.add(Finding::ok, "disk", fmt::format("{} are free here", size_text(there)));
  } else {
    const bool is_run = resolve_keys(report, config);
    const int64_t before = report.faults();
    if (!config.model.empty()) check_model(report, config.model);
    if (report.faults() == before && !config.model.empty()) check_tokenizer(report, config);
    const bool is_readable = report.faults() == before;
    if (is_run) check_output(report, config);
    if (is_run && is_readable) check_run(report, config);
  }
  return report.faults() > 0 ? 1 : 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
