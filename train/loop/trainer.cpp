#include "train/loop/trainer.h"

#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "core/communicator.h"
#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/profile.h"
#include "core/tensor_values.h"
#include "data/batch.h"
#include "nn/checkpoint/mapped_file.h"
#include "sora/gated_delta.h"
#include "train/loop/agreement.h"
#include "train/loop/evaluate.h"
#include "train/loop/evaluation_record.h"
#include "train/loop/interrupt.h"
#include "train/loop/process.h"

namespace soragrad::train {

namespace {

constexpr int64_t kStepsBetweenComparisons = 100;  // of the processes' parameters
constexpr double kUndefined = -1e300;  // the best score while none is defined; below any number

using Clock = std::chrono::steady_clock;

// What a micro-batch leaves behind, as the processes tell each other.
struct UnitRecord {
  double loss = 0;
  int64_t tokens = 0;
};

}  // namespace

Trainer::Trainer(Session& session, RunFolder& folder, OnPhase on_phase)
    : session_(session),
      folder_(folder),
      on_phase_(std::move(on_phase)),
      train_step_(session),
      progress_(Progress::is_terminal()),
      frozen_(session.own_frozen) {
  if (session.checkpoint) restore();
  open_logs();
  seconds_before_ = state_.seconds;
  tokens_before_ = state_.tokens;
}

void Trainer::restore() {
  const CheckpointInfo& checkpoint = *session_.checkpoint;
  state_ = load_checkpoint(checkpoint, *session_.model, *session_.tuner);
  if (auto frozen = frozen_parameters(checkpoint, *session_.model); !frozen.empty()) {
    frozen_ = std::move(frozen);
  }
  const auto& phases = session_.plan.phases;
  require(state_.phase < static_cast<int64_t>(phases.size()),
          "[checkpoint] {} is in phase {} of {}.", checkpoint.folder, state_.phase, phases.size());
  const int64_t steps = phases[static_cast<size_t>(state_.phase)].steps;
  if (state_.phase_step > steps) {
    throw UsageError(fmt::format("[train] the run has made {} steps already; it cannot end at {}.",
                                 state_.phase_step, steps));
  }
  session_.tuner->resume_at(state_.step, phases[static_cast<size_t>(state_.phase)],
                            state_.phase_step, state_.thresholds);
  saved_step_ = state_.evaluation_due ? -1 : state_.step;
  progress_.note(fmt::format("continuing {} after step {}", folder_.path(), state_.step));
  progress_.start_at(state_.step);
}

void Trainer::open_logs() {
  logs_ = std::make_unique<RunLogs>(folder_, state_.logs, state_.step, note());
  if (!folder_.writes()) return;
  const sora::Method& method = session_.tuner->method();
  if (method.sparsity().total == 0) return;
  gates_ = std::make_unique<GateLog>(folder_.file("gates.bin"), method.ranks(), state_.step);
  // A record that could not be written is made again: the gates are those after the step.
  if (state_.step > gates_->last_step() && logging_due()) log_gates();
}

void Trainer::log_gates() {
  std::vector<Tensor> gates;
  for (const sora::GatedDelta* delta : sora::gated_deltas(*session_.model)) {
    gates.push_back(delta->gate->value());
  }
  gates_->append(state_.step, session_.tuner->thresholds().sum, values_of(gates));
}

int64_t Trainer::phase_steps() const {
  if (state_.phase_ended) return state_.phase_step;
  return session_.plan.phases[static_cast<size_t>(state_.phase)].steps;
}

bool Trainer::run() {
  const bool is_complete = run_guarded({.folder = folder_,
                                        .verb = "train",
                                        .parameters = parameters_,
                                        .step = state_.step,
                                        .loop = [this] { train_phases(); },
                                        .save = [this] { write_checkpoint(); },
                                        .note = note()});
  if (is_complete) logs_->sync();
  return is_complete;
}

void Trainer::train_phases() {
  const int64_t save_steps = session_.config.save_steps;
  while (true) {
    logs_->mark();
    if (state_.evaluation_due) {
      evaluate_now();
      if (save_steps > 0 && state_.step % save_steps == 0) save_checkpoint_now();
    }
    stop_together();
    if (state_.phase_step < phase_steps()) {
      advance();
      const bool save_due = save_steps > 0 && state_.step % save_steps == 0;
      if (save_due && !state_.evaluation_due) save_checkpoint_now();
      continue;
    }
    const bool is_last = state_.phase + 1 == static_cast<int64_t>(session_.plan.phases.size());
    // What follows - the best parameters, final evaluations - can be made again from here.
    if (is_last && saved_step_ != state_.step) save_checkpoint_now();
    end_phase();
    if (is_last) return;
    ++state_.phase;
    state_.phase_step = 0;
    state_.phase_ended = false;
    session_.tuner->begin_phase(session_.plan.phases[static_cast<size_t>(state_.phase)]);
  }
}

void Trainer::advance() {
  const profile::Span span("step");
  const auto start = Clock::now();
  const cuda::Work before = cuda::work();

  Losses losses = accumulate(session_.plan.sampler_step(state_.phase, state_.phase_step));
  require_finite(losses);
  parameters_.is_consistent = false;
  if (first_step_seconds_ == 0) nn::require_unchanged_files();
  const Tensor regularizer = train_step_.update();
  parameters_.is_consistent = true;

  ++state_.step;
  ++state_.phase_step;
  if (state_.step % kStepsBetweenComparisons == 0) {
    require_same_values(session_.tuner->optimizer().values(), state_.step);
  }
  state_.evaluation_due = evaluation_due();
  state_.tokens += losses.tokens;
  pending_.add({state_.step, session_.tuner->learning_rate(), std::move(losses.task), regularizer,
                session_.tuner->grad_norm().clone()});
  const bool reading = reading_due();
  if (reading) read_pending();
  const double seconds = seconds_since(start);
  state_.seconds += seconds;
  state_.step_seconds += seconds;
  if (first_step_seconds_ == 0) first_step_seconds_ = seconds_since_start();
  ++unread_steps_;
  unread_tokens_ += losses.tokens;
  unread_seconds_ += seconds;
  const cuda::Work after = cuda::work();
  unread_launches_ += after.operations + after.graphs - before.operations - before.graphs;
  log_step(losses.tokens);
  if (!reading) return;
  unread_steps_ = unread_tokens_ = unread_launches_ = 0;
  unread_seconds_ = 0;
}

// Process r of n has the micro-batches m with m % n == r, one in each round.
Trainer::Losses Trainer::accumulate(int64_t sampler_step) {
  const auto batches = session_.sampler->step(sampler_step);
  const auto parts = static_cast<int64_t>(batches.size());
  Communicator& all = world();
  Losses losses;
  std::vector<UnitRecord> units(batches.size());
  for (int64_t first = 0; first < parts; first += all.size()) {
    const int64_t unit = first + all.rank();
    if (unit >= parts) {
      session_.tuner->no_loss(parts);
      continue;
    }
    const auto m = static_cast<size_t>(unit);
    const data::Batch batch =
        data::collate(session_.train.encoded, session_.train.dataset.rows, batches[m]);
    losses.task.push_back(train_step_.run_batch(batch, parts));
    losses.tokens += batch.tokens();
    units[m].tokens = batch.tokens();
    if (all.size() > 1) units[m].loss = static_cast<double>(losses.task.back().item());
  }
  if (all.size() == 1) return losses;
  all.merge_values(std::span(units));
  losses = {};
  for (const UnitRecord& unit : units) {
    losses.task.push_back(Tensor::full({}, static_cast<real>(unit.loss)));
    losses.tokens += unit.tokens;
  }
  return losses;
}

// On the CPU, where reading does not wait: before a bad loss spoils the parameters.
void Trainer::require_finite(const Losses& losses) {
  if (session_.device != Device::cpu) return;
  const Phase& phase = session_.plan.phases[static_cast<size_t>(state_.phase)];
  const double rate = session_.config.learning_rate * phase.schedule.factor(state_.phase_step);
  parameters_.is_diverged = true;
  require_finite_losses(losses.task, state_.step + 1, rate);
  parameters_.is_diverged = false;
}

void Trainer::read_pending() {
  parameters_.is_consistent = false;
  result_ = pending_.read();
  parameters_.is_consistent = true;
}

bool Trainer::logging_due() const {
  return state_.step % session_.config.logging_steps == 0 ||
         state_.step == session_.plan.total_steps;
}

bool Trainer::reading_due() const {
  return session_.device == Device::cpu || first_step_seconds_ == 0 || logging_due();
}

void Trainer::log_step(int64_t tokens) {
  const double seconds = unread_seconds_ / static_cast<double>(unread_steps_);
  const bool logged = logging_due();
  if (logged) {
    const sora::Sparsity sparsity = session_.tuner->method().sparsity();
    if (sparsity.total > 0) sparsity_ = sparsity.share();
    StepRecord record;
    record.step = state_.step;
    record.epoch =
        static_cast<double>(state_.step) / static_cast<double>(session_.plan.steps_per_epoch);
    record.loss = result_.loss;
    record.regularizer = result_.regularizer;
    record.learning_rate = session_.tuner->learning_rate();
    record.grad_norm = result_.grad_norm;
    record.sparsity = sparsity.share();
    record.method_counts = session_.tuner->method().report();
    if (session_.plan.phases.size() > 1) {
      record.phase = state_.phase;
      record.xi = session_.tuner->phase().xi.value_or(0);
    }
    record.tokens = tokens;
    record.step_seconds = seconds;
    if (session_.device == Device::cuda) record.launches = unread_launches_ / unread_steps_;
    logs_->append_step(step_line(record));
    const std::pair<std::string, double> scalars[] = {
        {"train/loss", result_.loss},
        {"train/regularizer", result_.regularizer},
        {"train/learning_rate", session_.tuner->learning_rate()},
        {"train/grad_norm", result_.grad_norm},
        {"train/sparsity", sparsity.share()},
        {"train/tokens_per_second", static_cast<double>(unread_tokens_) / unread_seconds_}};
    logs_->add_events(state_.step, scalars);
    logs_->mark();
    if (gates_) log_gates();
  }
  progress_.step({state_.step, session_.plan.total_steps, result_.loss,
                  session_.tuner->learning_rate(), sparsity_, tokens, seconds, logged});
}

bool Trainer::evaluation_due() const {
  const int64_t eval_steps = session_.config.eval_steps;
  const int64_t every = eval_steps > 0 ? eval_steps : session_.plan.steps_per_epoch;
  return state_.phase_step % every == 0 || state_.phase_step == phase_steps();
}

void Trainer::evaluate_now() {
  const auto start = Clock::now();
  read_pending();  // nothing is judged by parameters that are not finite
  std::vector<Evaluation> results;
  std::vector<std::vector<float>> logits;
  for (const Rows& rows : session_.validation) {
    logits.push_back(
        compute_logits(*session_.model, rows, session_.config.per_device_eval_batch_size, true));
    results.push_back(score_logits(rows, logits.back()));
  }
  state_.seconds += seconds_since(start);
  nlohmann::json validation = nlohmann::json::object();
  for (size_t i = 0; i < results.size(); ++i) {
    for (const auto& [name, value] : results[i].metrics) {
      validation[session_.validation[i].name][name] = value;
    }
  }
  // The folder first: an error here leaves the evaluation due.
  const bool is_best = world().decide(state_.phase == 0 && better(results.at(0)));
  if (is_best) {
    folder_.replace_folder("best", [&](const std::string& path) { save_trained(path, session_); });
  }
  keep_evaluation(results, logits, is_best);
  log_evaluation(results, is_best);
  state_.last_validation = std::move(validation);
  if (state_.phase == 0) judge(results.at(0), is_best);
  state_.evaluation_due = false;
  logs_->mark();
}

void Trainer::keep_evaluation(const std::vector<Evaluation>& results,
                              const std::vector<std::vector<float>>& logits, bool is_best) {
  const bool ends_with_best =
      session_.config.load_best_model_at_end && session_.plan.phases.size() == 1;
  if (!folder_.writes() || (ends_with_best && !is_best)) return;
  nlohmann::ordered_json splits = nlohmann::ordered_json::array();
  for (size_t i = 0; i < results.size(); ++i) {
    splits.push_back(evaluation_record(session_.validation[i], logits[i], results[i]));
  }
  write_evaluation(folder_, state_.step, splits);
}

void Trainer::log_evaluation(const std::vector<Evaluation>& results, bool is_best) {
  std::string lines, text;
  for (size_t i = 0; i < results.size(); ++i) {
    lines += evaluation_line(state_.step, session_.validation[i].name, results[i]);
  }
  logs_->append(lines);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string& split = session_.validation[i].name;
    std::vector<std::pair<std::string, double>> scalars{
        {"eval/" + split + "/loss", results[i].loss}};
    for (const auto& [name, value] : results[i].metrics) {
      scalars.emplace_back("eval/" + split + "/" + name, value);
      text += fmt::format("  {}{} {}", i == 0 ? "" : split + " ", name,
                          std::isnan(value) ? "undefined" : fmt::format("{:.4f}", value));
    }
    logs_->add_events(state_.step, scalars);
  }
  progress_.note(fmt::format("step {}: validation{}  loss {:.4f}{}", state_.step, text,
                             results[0].loss,
                             is_best && !std::isnan(score(results[0])) ? "  (best so far)" : ""));
}

double Trainer::score(const Evaluation& evaluation) const {
  const std::string& wanted = session_.config.metric_for_best_model;
  if (wanted == "loss") return -evaluation.loss;
  const bool is_error = wanted == "mse" || wanted == "mae";  // smaller is better
  for (const auto& [name, metric] : evaluation.metrics) {
    if (name == wanted) return is_error ? -metric : metric;
  }
  return std::nan("");
}

bool Trainer::better(const Evaluation& evaluation) const {
  return state_.best_step == 0 || score(evaluation) > state_.best_value;
}

void Trainer::judge(const Evaluation& evaluation, bool is_best) {
  if (is_best) {
    const double value = score(evaluation);
    state_.best_values = session_.tuner->optimizer().values().clone();
    state_.best_step = state_.step;
    state_.best_value = std::isnan(value) ? kUndefined : value;
    state_.best_validation = state_.last_validation;
    state_.waited = 0;
    return;
  }
  ++state_.waited;
  const int64_t patience = session_.config.early_stopping_patience;
  if (patience > 0 && state_.waited >= patience && !state_.phase_ended) {
    state_.phase_ended = true;
    progress_.note(fmt::format("step {}: {} evaluations without a better one, stopping early",
                               state_.step, state_.waited));
  }
}

// As Hugging Face's trainer, which keeps the first where no later one is better.
void Trainer::warn_of_undefined_best() {
  if (state_.best_step == 0 || state_.best_value > kUndefined) return;
  progress_.note(fmt::format(
      "warning: {} was undefined at every evaluation, so none is the best; the first, of "
      "step {}, stands for it. Choose another metric_for_best_model.",
      session_.config.metric_for_best_model, state_.best_step));
}

void Trainer::end_phase() {
  if (state_.phase == 0) warn_of_undefined_best();
  if (state_.phase == 0 && session_.config.load_best_model_at_end && state_.best_step > 0) {
    session_.tuner->optimizer().values().copy_from(state_.best_values);
    state_.last_validation = state_.best_validation;
  }
  if (session_.plan.phases.size() == 1) return;
  nlohmann::json records = state_.phases;
  records.push_back(phase_record());
  folder_.replace_folder(fmt::format("phases/phase-{}", state_.phase),
                         [&](const std::string& path) { save_trained(path, session_); });
  if (on_phase_) on_phase_(records);
  state_.phases = std::move(records);
}

nlohmann::json Trainer::phase_record() {
  const auto start = Clock::now();
  const sora::Sparsity sparsity = session_.tuner->method().sparsity();
  nlohmann::json record = {{"phase", state_.phase},
                           {"xi", session_.tuner->phase().xi.value_or(0)},
                           {"last_step", state_.step},
                           {"gates_zero", sparsity.zero},
                           {"gates", sparsity.total},
                           {"sparsity", sparsity.share()},
                           {"stored_parameters", session_.tuner->method().counts().stored},
                           {"train_sample_rows", session_.train_sample.size()}};
  record.update(state_.last_validation);
  std::vector<const Rows*> splits{&session_.train_sample};
  for (const Rows& rows : session_.test) splits.push_back(&rows);
  std::string lines;
  for (const Rows* rows : splits) {
    const Evaluation evaluation =
        evaluate(*session_.model, *rows, session_.config.per_device_eval_batch_size, true);
    lines += evaluation_line(state_.step, rows->name, evaluation);
    for (const auto& [name, value] : evaluation.metrics) record[rows->name][name] = value;
  }
  logs_->append(lines);
  state_.seconds += seconds_since(start);
  return record;
}

Note Trainer::note() {
  return [this](const std::string& line) { progress_.note(line); };
}

void Trainer::save_checkpoint_now() {
  logs_->mark();
  write_checkpoint();
}

void Trainer::write_checkpoint() {
  read_pending();
  if (!folder_.writes()) {
    saved_step_ = state_.step;
    return;
  }
  logs_->sync();
  if (gates_) gates_->sync();
  const sora::AdapterConfig adapter{session_.config.method, session_.info};
  folder_.add_checkpoint(
      state_.step, session_.config.save_total_limit, [&](const std::string& path) {
        save_checkpoint(
            path, {state_, *session_.tuner, frozen_, session_.recorded, session_.base_sha256.get(),
                   session_.from_adapter ? &adapter : nullptr});
      });
  saved_step_ = state_.step;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
