#include "train/loop/pretrain_session.h"

#include <filesystem>

#include "core/error.h"
#include "core/parallel.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "models/family.h"
#include "train/loop/session.h"

namespace soragrad::train {

namespace {

namespace fs = std::filesystem;

models::EmbeddingSharing sharing_of(const std::string& name) {
  if (name == "es") return models::EmbeddingSharing::es;
  if (name == "nes") return models::EmbeddingSharing::nes;
  return models::EmbeddingSharing::gdes;
}

// Fills in what follows from the model's family.
void complete_for_model(Config& config) {
  PretrainKeys& keys = config.pretrain;
  const bool detects = models::read_config(config.model).family->detects_replaced_tokens;
  if (keys.objective.empty()) keys.objective = detects ? "rtd" : "mlm";
  const data::MaskRule rule = mask_rule(keys, keys.objective == "rtd");
  keys.mask_replace = rule.mask_replace;
  keys.random_replace = rule.random_replace;
  if (rule.mask_replace + rule.random_replace > 1) {
    throw UsageError(
        fmt::format("[config] mask_replace {} and random_replace {} are together more than 1.",
                    rule.mask_replace, rule.random_replace));
  }
}

models::PretrainingLoadOptions pretraining_options(const Config& config, Device device) {
  models::PretrainingLoadOptions options;
  options.model.objective =
      config.pretrain.objective == "rtd" ? models::Objective::rtd : models::Objective::mlm;
  options.model.sharing = sharing_of(config.pretrain.sharing);
  options.model.generator_layers = config.pretrain.generator_layers;
  options.model.rtd_lambda = config.pretrain.rtd_lambda;
  options.seed = static_cast<uint64_t>(config.seed);
  options.device = device;
  options.precision = parse_precision(config.precision);
  options.hidden_dropout_prob = config.hidden_dropout_prob;
  options.attention_probs_dropout_prob = config.attention_probs_dropout_prob;
  return options;
}

std::unique_ptr<nn::Optimizer> make_optimizer(const Config& config, nn::Module& model) {
  nn::ParameterGroup decayed;
  decayed.learning_rate = config.learning_rate;
  decayed.beta1 = config.adam_beta1;
  decayed.beta2 = config.adam_beta2;
  decayed.epsilon = config.adam_epsilon;
  decayed.update = nn::update_of(config.optim);
  nn::ParameterGroup plain = decayed;
  decayed.weight_decay = config.weight_decay;
  for (nn::Parameter* parameter : model.parameters()) {
    (nn::is_decayed(parameter->path()) ? decayed : plain).parameters.push_back(parameter);
  }
  return std::make_unique<nn::Optimizer>(
      std::vector<nn::ParameterGroup>{std::move(decayed), std::move(plain)}, config.max_grad_norm);
}

// What the run begins with. A folder that has weights is gone on from, which is said first.
std::string start_text(const Config& config, const models::LoadedPretraining& loaded) {
  constexpr size_t kNamed = 10;
  std::string drawn =
      fmt::format("{} parameters drawn from seed {}", loaded.drawn.size(), config.seed);
  if (loaded.loaded == 0) return fmt::format("{} has no weights: {}.", config.model, drawn);
  for (size_t i = 0; i < loaded.drawn.size() && i < kNamed; ++i) {
    drawn += (i == 0 ? " (" : ", ") + loaded.drawn[i];
  }
  if (!loaded.drawn.empty()) drawn += loaded.drawn.size() > kNamed ? ", ...)" : ")";
  return fmt::format("going on from the weights of {}: {} parameters read, {}.", config.model,
                     loaded.loaded, drawn);
}

}  // namespace

std::unique_ptr<PretrainSession> open_pretrain_session(const Config& config, const Note& note,
                                                       bool begins) {
  auto session = std::make_unique<PretrainSession>();
  session->config = config;
  complete_for_model(session->config);
  session->device = resolve_device(config.device);
  if (config.threads > 0) set_num_threads(static_cast<int>(config.threads));
  models::LoadedPretraining loaded =
      models::load_pretraining(config.model, pretraining_options(session->config, session->device));
  for (const std::string& line : loaded.notes) note(line);
  note(start_text(config, loaded));
  session->model = std::move(loaded.model);
  if (begins && !config.initial_state.empty()) {
    const size_t read =
        load_initial_state(*session->model, config.initial_state, session->device).size();
    note(fmt::format("{}: {} of {} parameters read.", config.initial_state, read,
                     session->model->parameters().size()));
  }
  const int64_t limit = session->model->backbone().max_positions();
  session->tokenizer = data::load_tokenizer(config.model);
  session->tokenizer_sha256 = data::tokenizer_sha256(config.model);
  if (!config.pretrain.batches.empty()) {
    session->batches = replayed_batches(config.pretrain.batches, *session->model);
    if (config.gradient_accumulation_steps > 1) {
      note(fmt::format("gradient_accumulation_steps={} has no effect: a step is one of `batches`.",
                       config.gradient_accumulation_steps));
    }
  } else {
    require(limit == 0 || config.max_seq_length <= limit,
            "[model] max_seq_length {} is more than the {} positions of this model's table; lower "
            "it.",
            config.max_seq_length, limit);
    session->batches = corpus_batches(session->config, *session->tokenizer, *session->model);
  }
  if (!config.pretrain.validation_corpus.empty()) {
    session->validation =
        validation_batches(session->config, note, *session->tokenizer, *session->model);
  }
  const int64_t available = session->batches->steps();
  session->total_steps = config.max_steps > 0 ? config.max_steps : available;
  require(available == 0 || session->total_steps <= available,
          "[batches] {} has {} batches; max_steps is {}.", config.pretrain.batches, available,
          session->total_steps);
  session->schedule = {
      nn::schedule_type_of(config.lr_scheduler_type),
      nn::warmup_length(config.warmup_ratio, config.warmup_steps, session->total_steps),
      session->total_steps};
  session->optimizer = make_optimizer(config, *session->model);
  return session;
}

void save_pretrained(const std::string& folder, PretrainSession& session) {
  models::save_pretraining(folder, *session.model);
  data::copy_tokenizer(session.config.model, folder);
  if (session.model->detects()) {
    data::copy_tokenizer(session.config.model, fs::path(folder) / "generator");
  }
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
