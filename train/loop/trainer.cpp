#include "train/loop/trainer.h"

#include <chrono>
#include <cmath>
#include <utility>

#include "core/cuda_runtime.h"
#include "core/error.h"
#include "core/profile.h"
#include "data/batch.h"
#include "train/loop/interrupt.h"
#include "train/loop/process.h"
#include "train/report/threshold_path.h"

namespace soragrad::train {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(Session& session, RunFolder& folder, bool resume)
    : session_(session), folder_(folder), train_step_(session), progress_(Progress::is_terminal()) {
  const std::vector<int64_t> checkpoints = folder.checkpoints();
  if (resume && !checkpoints.empty()) {
    const std::string checkpoint = folder.checkpoint(checkpoints.back());
    state_ = load_checkpoint(checkpoint, *session.tuner);
    require(state_.phase < static_cast<int64_t>(session.plan.phases.size()),
            "[checkpoint] {} is in phase {} of {}.", checkpoint, state_.phase,
            session.plan.phases.size());
    session.tuner->resume_at(state_.step, session.plan.phases[static_cast<size_t>(state_.phase)],
                             state_.phase_step);
    progress_.note(fmt::format("continuing {} after step {}", folder.path(), state_.step));
    progress_.start_at(state_.step);
  }
  metrics_ = std::make_unique<AppendFile>(folder.file("metrics.jsonl"), state_.metrics_bytes);
  events_ = std::make_unique<EventFile>(folder.event_file(), state_.event_bytes);
  seconds_before_ = state_.seconds;
  tokens_before_ = state_.tokens;
}

int64_t Trainer::phase_steps() const {
  if (state_.phase_ended) return state_.phase_step;
  return session_.plan.phases[static_cast<size_t>(state_.phase)].steps;
}

bool Trainer::run() {
  const InterruptGuard guard;
  const int64_t save_steps = session_.config.save_steps;
  try {
    while (true) {
      if (state_.evaluation_due) {
        evaluate_now();
        if (save_steps > 0 && state_.step % save_steps == 0) save_checkpoint_now();
      }
      if (interrupted_by()) throw Interrupted();
      if (state_.phase_step < phase_steps()) {
        advance();
        state_.evaluation_due = evaluation_due();
        const bool save_due = save_steps > 0 && state_.step % save_steps == 0;
        if (save_due && !state_.evaluation_due) save_checkpoint_now();
        continue;
      }
      end_phase();
      if (state_.phase + 1 == static_cast<int64_t>(session_.plan.phases.size())) break;
      ++state_.phase;
      state_.phase_step = 0;
      state_.phase_ended = false;
      session_.tuner->begin_phase(session_.plan.phases[static_cast<size_t>(state_.phase)]);
    }
  } catch (const Interrupted&) {
    save_checkpoint_now();
    return false;
  }
  metrics_->sync();
  return true;
}

void Trainer::advance() {
  const profile::Span span("step");
  const auto start = Clock::now();
  const cuda::Work before = cuda::work();

  Losses losses = accumulate(session_.plan.sampler_step(state_.phase, state_.phase_step));
  const Tensor regularizer = train_step_.update();

  ++state_.step;
  ++state_.phase_step;
  state_.tokens += losses.tokens;
  pending_.add(state_.step, session_.tuner->learning_rate(), std::move(losses.task), regularizer,
               session_.tuner->grad_norm().clone());
  const bool reading = reading_due();
  if (reading) result_ = pending_.read();
  const double seconds = since(start);
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

Trainer::Losses Trainer::accumulate(int64_t sampler_step) {
  const auto batches = session_.sampler->step(sampler_step);
  const auto parts = static_cast<int64_t>(batches.size());
  Losses losses;
  for (const std::vector<int64_t>& rows : batches) {
    const data::Batch batch =
        data::collate(session_.train.encoded, session_.train.dataset.rows, rows);
    losses.task.push_back(train_step_.run_batch(batch, parts));
    losses.tokens += batch.tokens();
  }
  return losses;
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
    metrics_->append(step_line(record));
    const std::pair<std::string, double> scalars[] = {
        {"train/loss", result_.loss},
        {"train/regularizer", result_.regularizer},
        {"train/learning_rate", session_.tuner->learning_rate()},
        {"train/grad_norm", result_.grad_norm},
        {"train/sparsity", sparsity.share()},
        {"train/tokens_per_second", static_cast<double>(unread_tokens_) / unread_seconds_}};
    events_->add(state_.step, scalars);
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
  result_ = pending_.read();  // nothing is judged by parameters that are not finite
  std::vector<Evaluation> results;
  for (const Rows& rows : session_.validation) {
    results.push_back(
        evaluate(*session_.model, rows, session_.config.per_device_eval_batch_size, true));
  }
  state_.seconds += since(start);
  state_.evaluation_due = false;
  state_.last_validation = nlohmann::json::object();
  std::string text;
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string& split = session_.validation[i].name;
    metrics_->append(evaluation_line(state_.step, split, results[i]));
    std::vector<std::pair<std::string, double>> scalars{
        {"eval/" + split + "/loss", results[i].loss}};
    for (const auto& [name, value] : results[i].metrics) {
      state_.last_validation[split][name] = value;
      scalars.emplace_back("eval/" + split + "/" + name, value);
      text += fmt::format("  {}{} {:.4f}", i == 0 ? "" : split + " ", name, value);
    }
    events_->add(state_.step, scalars);
  }
  const int64_t best_before = state_.best_step;
  if (state_.phase == 0) judge(results.at(0));
  progress_.note(fmt::format("step {}: validation{}  loss {:.4f}{}", state_.step, text,
                             results[0].loss,
                             state_.best_step != best_before ? "  (best so far)" : ""));
}

void Trainer::judge(const Evaluation& evaluation) {
  const Config& config = session_.config;
  double value = std::nan("");
  if (config.metric_for_best_model == "loss") value = -evaluation.loss;
  for (const auto& [name, metric] : evaluation.metrics) {
    if (name == config.metric_for_best_model) value = metric;
  }
  const bool better = state_.best_step == 0 || value > state_.best_value;
  if (better) {
    state_.best_step = state_.step;
    state_.best_value = std::isnan(value) ? -1e300 : value;  // any number is better than none
    state_.best_values = session_.tuner->optimizer().values().clone();
    state_.best_validation = state_.last_validation;
    state_.waited = 0;
    folder_.replace_folder("best", [&](const std::string& path) { save_trained(path, session_); });
    return;
  }
  ++state_.waited;
  if (config.early_stopping_patience > 0 && state_.waited >= config.early_stopping_patience &&
      !state_.phase_ended) {
    state_.phase_ended = true;
    progress_.note(fmt::format("step {}: {} evaluations without a better one, stopping early",
                               state_.step, state_.waited));
  }
}

void Trainer::end_phase() {
  if (state_.phase == 0 && session_.config.load_best_model_at_end && state_.best_step > 0) {
    session_.tuner->optimizer().values().copy_from(state_.best_values);
    state_.last_validation = state_.best_validation;
  }
  if (session_.plan.phases.size() == 1) return;
  state_.phases.push_back(phase_record());
  folder_.replace_folder(fmt::format("phases/phase-{}", state_.phase),
                         [&](const std::string& path) { save_trained(path, session_); });
  const Config& config = session_.config;
  write_path(folder_, read_path(state_.phases, path_metric(config)),
             fmt::format("{} by {}, seed {}: path of thresholds", config.task, config.method.method,
                         config.seed));
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
  metrics_->append(lines);
  state_.seconds += since(start);
  return record;
}

void Trainer::save_checkpoint_now() {
  result_ = pending_.read();
  metrics_->sync();
  state_.metrics_bytes = metrics_->length();
  state_.event_bytes = events_->length();
  folder_.add_checkpoint(
      state_.step, session_.config.save_total_limit,
      [&](const std::string& path) { save_checkpoint(path, state_, *session_.tuner); });
}

}  // namespace soragrad::train
