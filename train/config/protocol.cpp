#include "train/config/protocol.h"

#include <iterator>

namespace soragrad::train {

namespace {

// Sources: A = github.com/TsinghuaC3I/SoRA, A#n an issue of it; B = github.com/QingruZhang/AdaLoRA,
// C = arXiv 2303.10512; T = transformers' examples/pytorch/text-classification/run_glue.py.

constexpr Stated kGlueSettings[] = {
    {"splits", "GLUE's train, dev and test", "T"},
    {"optim", "adamw_torch", "T, transformers 4.30 and later"},
    {"eval_steps", "each epoch", "the default here"},
    {"max_seq_length", "128", "T"},
    {"learning_rate", "5e-5", "T, the Trainer's default, for full fine-tuning"},
    {"per_device_train_batch_size", "8", "T, the Trainer's default"},
    {"num_train_epochs", "3", "T, the Trainer's default"},
    {"max_grad_norm", "1.0", "T, the Trainer's default"},
    {"warmup_ratio", "0", "T, the Trainer's default"},
    {"weight_decay", "0", "T, the Trainer's default"},
};

constexpr Stated kPaperSettings[] = {
    {"splits", "seed-42 permutation, never GLUE's test file", "A, src/processor.py; A#6"},
    {"  cola rte mrpc stsb mnli wnli", "dev: first half validation, the rest test",
     "A, src/processor.py"},
    {"  qqp qnli sst2", "train: 1000 rows validation; dev is test", "A, src/processor.py"},
    {"seed", "0, 21, 42, 81, 100", "A#3"},
    {"optim", "adamw_hf", "A, run_glue.py: transformers 4.14 AdamW"},
    {"eval_steps", "1000", "A, scripts/"},
    {"max_grad_norm", "0.1", "A, scripts/"},
    {"weight_decay", "0.1", "A, scripts/"},
    {"warmup_ratio", "0.06", "A, scripts/"},
    {"lora_alpha", "16", "A, config/lora_config.json"},
    {"proximal", "released", "A, src/sparse_optimizer.py"},
    {"sparse_adam_epsilon", "1e-6", "A, src/sparse_optimizer.py"},
    {"sparse_lambda", "10 (sts-b), 0.001 (rte, schedule)", "A, scripts/"},
    {"xi", "3e-4 (sts-b), 0 to 7e-4 in 7 (rte, schedule)", "A, scripts/"},
    {"phase_epochs", "15", "A, run_glue.py"},
    {"bottleneck", "16", "A, adapter script; the paper's: not stated"},
    {"RoBERTa-large", kNotStated, kNotStated},
};

constexpr TaskSettings kPaperTasks[] = {
    {"cola", "8e-5", "8", "20", "128", "houlsby: learning_rate=8e-4"},
    {"sst2", "1e-4", "8", "10", kNotStated, ""},
    {"mrpc", "1e-4", "8", "20", kNotStated, ""},
    {"qqp", "3e-4", "8", "10", kNotStated, ""},
    {"stsb", "1e-4", "8", "20", "128", "sora: learning_rate=8e-4"},
    {"mnli", "3e-4", "8", "10", "256", ""},
    {"qnli", "3e-4", "8", "10", kNotStated, ""},
    {"rte", "1.2e-3", "32", "50", "320", "sora: learning_rate=1.2e-3"},
};

constexpr Stated kAdaloraSettings[] = {
    {"splits", "GLUE's train and dev; mnli's halves, one run", "B, NLU/"},
    {"seed", "mean of 5", "C; which: not stated (B's scripts: 6)"},
    {"optim", "adamw_hf", "B, transformers 4.4 AdamW"},
    {"eval_steps", kNotStated, kNotStated},
    {"max_grad_norm", "1.0", "B, the Trainer's default"},
    {"init_r, target_r", "12 to 8 (1.27M), 6 to 4, 4 to 2", "C, Table 7; B's scripts: 2 or 3 to 1"},
    {"beta1, beta2", "0.85", "C, B"},
    {"bottleneck", "houlsby 32, pfeiffer 64 (1.2M)", "C"},
};

// learning_rate and orth_reg_weight are C's; B's scripts differ for qnli, qqp, cola and stsb.
constexpr TaskSettings kAdaloraTasks[] = {
    {"mnli", "5e-4", "32", "7", "256",
     "warmup_steps=1000 weight_decay=0 classifier_dropout=0.15 lora_alpha=16 "
     "orth_reg_weight=0.1 tinit=8000 deltaT=100 tfinal=50000"},
    {"rte", "1.2e-3", "32", "50", "320",
     "warmup_steps=200 weight_decay=0.01 classifier_dropout=0.2 lora_alpha=32 "
     "orth_reg_weight=0.3 tinit=600 deltaT=1 tfinal=1800"},
    {"qnli", "1.2e-3", "32", "5", "512",
     "warmup_steps=500 weight_decay=0.01 classifier_dropout=0.1 lora_alpha=32 "
     "orth_reg_weight=0.1 tinit=2000 deltaT=100 tfinal=8000"},
    {"mrpc", "1e-3", "32", "30", "320",
     "warmup_ratio=0.1 weight_decay=0.01 classifier_dropout=0 lora_alpha=32 "
     "orth_reg_weight=0.1 tinit=600 deltaT=1 tfinal=1800"},
    {"qqp", "5e-4", "32", "5", "320",
     "warmup_steps=2000 weight_decay=0.01 classifier_dropout=0.15 lora_alpha=16 "
     "orth_reg_weight=0.1 tinit=8000 deltaT=100 tfinal=25000"},
    {"sst2", "8e-4", "32", "24", "128",
     "warmup_steps=1000 weight_decay=0.01 classifier_dropout=0 lora_alpha=16 "
     "orth_reg_weight=0.1 tinit=6000 deltaT=100 tfinal=22000"},
    {"cola", "5e-4", "32", "25", "64",
     "warmup_steps=100 weight_decay=0 classifier_dropout=0.1 lora_alpha=32 "
     "orth_reg_weight=0.5 tinit=800 deltaT=10 tfinal=3500"},
    {"stsb", "2.2e-3", "32", "25", "128",
     "warmup_steps=100 weight_decay=0.1 classifier_dropout=0.2 lora_alpha=32 "
     "orth_reg_weight=0.1 tinit=800 deltaT=10 tfinal=2000"},
};

constexpr ProtocolRules kProtocols[] = {
    // in the order of data::Protocol
    {"glue", "the usual way: transformers' run_glue.py", true, false, false, kGlueSettings, "", {}},
    {"paper", "the released SoRA code", false, true, true, kPaperSettings,
     "rates of lora, batch, epochs A#4; lengths, other rates A's scripts", kPaperTasks},
    {"adalora", "the AdaLoRA code and paper", true, false, false, kAdaloraSettings,
     "C, Table 8; lengths, warm-up, dropout B's scripts", kAdaloraTasks},
};

static_assert(std::size(kProtocols) == static_cast<size_t>(data::Protocol::adalora) + 1);

}  // namespace

std::span<const ProtocolRules> protocols() {
  return kProtocols;
}

const ProtocolRules& rules_of(data::Protocol protocol) {
  return kProtocols[static_cast<size_t>(protocol)];
}

const TaskSettings* settings_of(data::Protocol protocol, std::string_view task) {
  for (const TaskSettings& settings : rules_of(protocol).tasks) {
    if (settings.task == task) return &settings;
  }
  return nullptr;
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
