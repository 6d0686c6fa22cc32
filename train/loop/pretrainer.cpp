#include "train/loop/pretrainer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/profile.h"
#include "nn/checkpoint/mapped_file.h"
#include "train/loop/interrupt.h"
#include "train/loop/process.h"
#include "train/run/changed_keys.h"
#include "train/run/checkpoint_gpu.h"
#include "train/run/number_text.h"

namespace soragrad::train {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kValidationPass = 0xffffffffu;  // number of its stream of samples

double number(const Tensor& scalar) {
  return scalar.defined() ? static_cast<double>(scalar.item()) : 0.0;
}

// Of a run, by the names of metrics.jsonl; rtd's are left out of a plain language model's.
std::vector<std::pair<std::string, double>> named(const PretrainScores& scores, bool detects) {
  std::vector<std::pair<std::string, double>> values{{"loss", scores.loss},
                                                     {"mlm_loss", scores.mlm_loss}};
  if (detects) values.emplace_back("rtd_loss", scores.rtd_loss);
  values.emplace_back("mlm_accuracy", scores.mlm_accuracy);
  if (detects) {
    values.emplace_back("rtd_accuracy", scores.rtd_accuracy);
    values.emplace_back("replaced_share", scores.replaced_share);
  }
  return values;
}

}  // namespace

Pretrainer::Pretrainer(PretrainSession& session, RunFolder& folder,
                       const std::optional<PretrainCheckpoint>& checkpoint)
    : session_(session), step_(session), folder_(folder), progress_(Progress::is_terminal()) {
  if (checkpoint) resume_from(*checkpoint);
  logs_ = std::make_unique<RunLogs>(folder, state_.logs, state_.step, note());
}

Note Pretrainer::note() {
  return [this](const std::string& line) { progress_.note(line); };
}

bool Pretrainer::run() {
  const bool is_complete = run_guarded({.folder = folder_,
                                        .verb = "pretrain",
                                        .parameters = parameters_,
                                        .step = state_.step,
                                        .loop = [this] { train_steps(); },
                                        .save = [this] { write_checkpoint(); },
                                        .note = note()});
  if (is_complete) logs_->sync();
  return is_complete;
}

void Pretrainer::train_steps() {
  const int64_t save_steps = session_.config.save_steps;
  while (true) {
    if (state_.evaluation_due) evaluate_now();
    const bool is_last = state_.step == session_.total_steps;
    const bool save_due = save_steps > 0 && state_.step > 0 && state_.step % save_steps == 0;
    if ((save_due || is_last) && state_.step != saved_step_) write_checkpoint();
    stop_if_interrupted();
    if (is_last) return;
    advance();
  }
}

void Pretrainer::advance() {
  const profile::Span span("step");
  const auto start = Clock::now();
  const double factor = session_.schedule.factor(state_.step);
  const double rate = session_.config.learning_rate * factor;
  std::vector<Tensor> losses;
  const std::vector<PretrainOutcome> outcomes =
      run_passes(session_.batches->step(state_.step), losses);
  if (session_.device == Device::cpu) {  // where reading does not wait
    parameters_.is_diverged = true;
    require_finite_losses(losses, state_.step + 1, rate);
    parameters_.is_diverged = false;
  }
  {
    const profile::Span update_span("update");
    parameters_.is_consistent = false;
    if (first_step_seconds_ == 0) nn::require_unchanged_files();
    step_.update(factor);
    parameters_.is_consistent = true;
  }
  ++state_.step;
  state_.evaluation_due = evaluation_due();
  int64_t tokens = 0;
  for (const PretrainOutcome& outcome : outcomes) tokens += outcome.tokens;
  state_.tokens += tokens;
  pending_.add(
      {state_.step, rate, std::move(losses), Tensor(), session_.optimizer->grad_norm().clone()});
  const bool reads = session_.device == Device::cpu || logging_due() || first_step_seconds_ == 0;
  if (reads) {
    read_pending();
    state_.scores = score(outcomes);
  }
  const double seconds = seconds_since(start);
  state_.seconds += seconds;
  state_.step_seconds += seconds;
  if (first_step_seconds_ == 0) first_step_seconds_ = seconds_since_start();
  log_step(rate, tokens, seconds);
  note_warnings();
}

std::vector<PretrainOutcome> Pretrainer::run_passes(const std::vector<data::MaskedBatch>& batches,
                                                    std::vector<Tensor>& losses) {
  const real share = real{1} / static_cast<real>(batches.size());
  std::vector<PretrainOutcome> outcomes;
  for (const data::MaskedBatch& batch : batches) {
    const auto number =
        state_.step * static_cast<int64_t>(batches.size()) + static_cast<int64_t>(outcomes.size());
    outcomes.push_back(step_.run_batch(batch, static_cast<uint32_t>(number), share));
    losses.push_back(outcomes.back().loss);
  }
  return outcomes;
}

void Pretrainer::read_pending() {
  parameters_.is_consistent = false;
  result_ = pending_.read();
  parameters_.is_consistent = true;
}

// Losses are means of the batches' means; shares are counts over counts.
PretrainScores Pretrainer::score(const std::vector<PretrainOutcome>& outcomes) const {
  PretrainScores scores;
  double tokens = 0, predicted = 0;
  for (const PretrainOutcome& outcome : outcomes) {
    tokens += static_cast<double>(outcome.tokens);
    predicted += static_cast<double>(outcome.predicted);
    scores.mlm_loss += number(outcome.mlm_loss) / static_cast<double>(outcomes.size());
    scores.rtd_loss += number(outcome.rtd_loss) / static_cast<double>(outcomes.size());
    scores.mlm_accuracy += number(outcome.mlm_hits);
    scores.rtd_accuracy += number(outcome.rtd_hits);
    scores.replaced_share += number(outcome.replaced);
  }
  scores.loss = result_.loss;
  scores.mlm_accuracy /= predicted;
  scores.rtd_accuracy /= tokens;
  scores.replaced_share /= tokens;
  return scores;
}

bool Pretrainer::logging_due() const {
  return state_.step % session_.config.logging_steps == 0 || state_.step == session_.total_steps;
}

void Pretrainer::log_step(double rate, int64_t tokens, double seconds) {
  const bool logged = logging_due();
  if (logged) {
    std::string line = fmt::format("{{\"step\": {}", state_.step);
    std::vector<std::pair<std::string, double>> scalars;
    for (const auto& [name, value] : named(state_.scores, session_.model->detects())) {
      line += fmt::format(", \"{}\": {}", name, json_number(value));
      scalars.emplace_back("train/" + name, value);
    }
    line += fmt::format(
        ", \"learning_rate\": {}, \"grad_norm\": {}, \"tokens\": {}, "
        "\"step_seconds\": {}",
        json_number(rate), json_number(result_.grad_norm), tokens, json_number(seconds));
    if (const data::CorpusCounts* counts = session_.batches->counts()) {
      line += fmt::format(", \"corpus_epoch\": {}, \"corpus_tokens\": {}", counts->epoch,
                          counts->tokens);
    }
    logs_->append_step(line + "}\n");
    scalars.emplace_back("train/learning_rate", rate);
    scalars.emplace_back("train/grad_norm", result_.grad_norm);
    scalars.emplace_back("train/tokens_per_second", static_cast<double>(tokens) / seconds);
    logs_->add_events(state_.step, scalars);
    logs_->mark();
  }
  progress_.step(
      {state_.step, session_.total_steps, result_.loss, rate, -1, tokens, seconds, logged});
}

bool Pretrainer::evaluation_due() const {
  if (session_.validation.empty()) return false;
  const int64_t every = session_.config.eval_steps;
  return state_.step == session_.total_steps || (every > 0 && state_.step % every == 0);
}

void Pretrainer::evaluate_now() {
  const auto start = Clock::now();
  read_pending();  // nothing is judged by parameters that are not finite
  const nn::Pass pass{false, static_cast<uint64_t>(session_.config.seed), kValidationPass};
  double mlm = 0, rtd = 0, mlm_hits = 0, rtd_hits = 0, replaced = 0, tokens = 0, predicted = 0;
  for (const data::MaskedBatch& batch : session_.validation) {
    stop_if_interrupted();
    const PretrainOutcome outcome = evaluate_batch(session_, batch, pass);
    tokens += static_cast<double>(outcome.tokens);
    predicted += static_cast<double>(outcome.predicted);
    mlm += number(outcome.mlm_loss) * static_cast<double>(outcome.predicted);
    rtd += number(outcome.rtd_loss) * static_cast<double>(outcome.tokens);
    mlm_hits += number(outcome.mlm_hits);
    rtd_hits += number(outcome.rtd_hits);
    replaced += number(outcome.replaced);
  }
  const bool detects = session_.model->detects();
  Evaluation evaluation;
  evaluation.loss = mlm / predicted;
  evaluation.metrics = {{"perplexity", std::exp(evaluation.loss)},
                        {"mlm_loss", evaluation.loss},
                        {"mlm_accuracy", mlm_hits / predicted}};
  if (detects) {
    evaluation.loss += session_.config.pretrain.rtd_lambda * rtd / tokens;
    evaluation.metrics.emplace_back("rtd_loss", rtd / tokens);
    evaluation.metrics.emplace_back("rtd_accuracy", rtd_hits / tokens);
    evaluation.metrics.emplace_back("replaced_share", replaced / tokens);
  }
  state_.seconds += seconds_since(start);
  log_evaluation(evaluation);
}

// An error here leaves the evaluation due, and the logs as they were.
void Pretrainer::log_evaluation(const Evaluation& evaluation) {
  nlohmann::json validation = nlohmann::json::object();
  std::string text;
  std::vector<std::pair<std::string, double>> scalars{{"eval/validation/loss", evaluation.loss}};
  for (const auto& [name, value] : evaluation.metrics) {
    validation[name] = value;
    scalars.emplace_back("eval/validation/" + name, value);
    text += fmt::format("  {} {:.4f}", name, value);
  }
  logs_->append(evaluation_line(state_.step, "validation", evaluation));
  logs_->add_events(state_.step, scalars);
  state_.validation = std::move(validation);
  state_.evaluation_due = false;
  logs_->mark();
  progress_.note(fmt::format("step {}: validation{}", state_.step, text));
}

void Pretrainer::write_checkpoint() {
  read_pending();
  logs_->sync();
  nlohmann::json values = recorded_values(session_.config);
  values[kRecordedTokenizer] = session_.tokenizer_sha256;
  folder_.add_checkpoint(
      state_.step, session_.config.save_total_limit, [&](const std::string& path) {
        save_pretrain_checkpoint(
            path, {state_, *session_.optimizer, session_.batches->state(state_.step), values});
      });
  saved_step_ = state_.step;
}

void Pretrainer::resume_from(const PretrainCheckpoint& checkpoint) {
  require_same_tokenizer(checkpoint.values, session_.tokenizer_sha256, session_.config.model);
  compare_gpus(checkpoint.gpu, session_.device, note());
  restore(checkpoint, *session_.optimizer);
  session_.batches->restore(nn::open_checkpoint(checkpoint.tensors()), checkpoint.state.step);
  state_ = checkpoint.state;
  saved_step_ = state_.evaluation_due ? -1 : state_.step;
  progress_.note(fmt::format("continuing {} after step {}", folder_.path(), state_.step));
  progress_.start_at(state_.step);
}

void Pretrainer::note_warnings() {
  for (const std::string& line : session_.batches->warnings()) {
    progress_.note("warning: " + line);
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
