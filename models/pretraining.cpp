#include "models/pretraining.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "models/family.h"
#include "models/self_attention.h"

namespace soragrad::models {
namespace {

ModelConfig generator_of(ModelConfig config, const PretrainingOptions& options) {
  if (options.objective == Objective::mlm) return config;
  config.layers = options.generator_layers > 0 ? options.generator_layers
                                               : std::max<int64_t>(1, config.layers / 2);
  return config;
}

}  // namespace

LanguageModel::LanguageModel(nn::Module* parent, std::string name, const ModelConfig& config,
                             bool word_table)
    : Module(parent, std::move(name)),
      backbone_(config.family->make_backbone(this, config, {.word_table = word_table})),
      head_(this, config) {}

Variable LanguageModel::forward(const Input& input, const Tensor& positions,
                                nn::Embedding& word_table, const nn::Pass& pass) {
  const Variable words = word_table.forward(input.input_ids, pass);
  const Variable hidden = backbone_->forward(input, words, pass);
  return head_.forward(select_rows(hidden, positions), word_table.weight, pass);
}

PretrainingModel::Delta::Delta(nn::Module* parent, const ModelConfig& config)
    : Module(parent, fmt::format("{}.embeddings.word_embeddings", config.family->prefix)),
      weight(this, "_weight", {config.vocab_size, config.hidden_size}) {}

PretrainingModel::PretrainingModel(const ModelConfig& config, const PretrainingOptions& options)
    : config_(config), generator_config_(generator_of(config, options)), options_(options) {
  if (!detects()) {
    language_model_ = std::make_unique<LanguageModel>(this, "", config);
    backbone_ = &language_model_->backbone();
    return;
  }
  require(config.family->detects_replaced_tokens,
          "[pretrain] objective=rtd is DeBERTaV3's; model_type is {}: use objective=mlm.",
          config.family->model_type);
  const bool gdes = options.sharing == EmbeddingSharing::gdes;
  discriminator_ = config.family->make_backbone(this, config, {.word_table = !gdes});
  if (gdes) delta_ = std::make_unique<Delta>(this, config);
  head_ = std::make_unique<ReplacedTokenHead>(this, config);
  language_model_ = std::make_unique<LanguageModel>(this, "generator", generator_config_,
                                                    options.sharing != EmbeddingSharing::es);
  backbone_ = discriminator_.get();
}

nn::Embedding& PretrainingModel::generator_table() {
  const bool shared = detects() && options_.sharing == EmbeddingSharing::es;
  return shared ? discriminator_->word_embeddings() : language_model_->backbone().word_embeddings();
}

PretrainingOutput PretrainingModel::forward(const PretrainingInput& batch, const nn::Pass& pass) {
  PretrainingOutput output;
  Tensor samples = batch.samples;
  {
    // The logits go before backward(), which then takes their memory.
    const Variable logits =
        language_model_->forward(batch.input, batch.positions, generator_table(), pass);
    output.loss = cross_entropy(logits, batch.labels);
    output.mlm_hits = label_hits(logits.value(), batch.labels);
    if (detects() && !samples.defined()) {
      samples = sample_tokens(logits.value(), pass.stream(random_site("generator.samples")));
    }
  }
  output.mlm_loss = output.loss.value();
  if (!detects()) return output;
  const Variable rtd_loss = detect(batch, samples, output, pass);
  output.loss = add(output.loss, scale(rtd_loss, static_cast<real>(options_.rtd_lambda)));
  return output;
}

Variable PretrainingModel::detect(const PretrainingInput& batch, const Tensor& samples,
                                  PretrainingOutput& output, const nn::Pass& pass) {
  const auto [ids, targets] =
      replace_tokens(batch.input.input_ids, batch.positions, samples, batch.labels);
  output.replaced = sum(Variable(targets)).value();
  Input corrupted = batch.input;
  corrupted.input_ids = ids;
  Variable words;
  if (delta_) {
    // A Variable of the table's value alone: no gradient flows to E_G.
    const Variable fixed(generator_table().weight.value());
    const int64_t padding = config_.pad_token_id;
    words = add(embedding(ids, fixed, padding), embedding(ids, delta_->weight, padding));
  } else {
    words = discriminator_->word_embeddings().forward(ids, pass);
  }
  const Variable hidden = discriminator_->forward(corrupted, words, pass);
  const Variable logits = head_->forward(hidden, corrupted.layout, pass);
  Variable loss = binary_cross_entropy(logits, targets, &output.rtd_hits);
  output.rtd_loss = loss.value();
  return loss;
}

void PretrainingModel::set_precision(Precision precision) {
  for_each_module([&](nn::Module& module) {
    auto* linear = dynamic_cast<nn::Linear*>(&module);
    if (linear && linear->out() > 1) linear->set_precision(precision);
    if (auto* attention = dynamic_cast<SelfAttention*>(&module))
      attention->set_precision(precision);
    if (auto* head = dynamic_cast<LanguageModelHead*>(&module)) head->set_precision(precision);
  });
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
