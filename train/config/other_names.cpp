#include "train/config/other_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/text.h"

namespace soragrad::train {

namespace {

struct OtherName {
  std::string_view name;  // in small letters, with underscores
  std::string_view key;   // ours; empty: there is none
  std::string_view note;  // how the value differs, or why there is no key
};

constexpr std::string_view kVerbs =
    "training, evaluation and prediction are verbs: `soragrad train`, "
    "`eval`, `predict`";
constexpr std::string_view kStepsDecide = "eval_steps, save_steps and logging_steps alone decide";
constexpr std::string_view kOffline = "models and data are folders on this machine";
constexpr std::string_view kRagged = "rows are never padded";
constexpr std::string_view kOneDevice = "one process uses one device";

constexpr OtherName kOtherNames[] = {
    // run_glue.py: ModelArguments, DataTrainingArguments
    {"model_name_or_path", "model", "a model folder"},
    {"model_name", "model", "a model folder"},
    {"pretrained_model_name_or_path", "model", "a model folder"},
    {"base_model", "model", "a model folder"},
    {"base_model_name_or_path", "model", "a model folder"},
    {"config_name", "model", "config.json lies in the model folder"},
    {"tokenizer_name", "model", "the tokenizer lies in the model folder"},
    {"tokenizer_name_or_path", "model", "the tokenizer lies in the model folder"},
    {"task_name", "task", ""},
    {"dataset_name", "task", ""},
    {"dataset_config_name", "task", ""},
    {"data_dir", "data", ""},
    {"data_path", "data", ""},
    {"dataset", "data", ""},
    {"max_length", "max_seq_length", ""},
    {"model_max_length", "max_seq_length", ""},
    {"max_train_rows", "max_train_samples", ""},
    {"max_val_samples", "max_eval_samples", ""},
    {"max_test_samples", "max_predict_samples", ""},
    {"cache_dir", "", kOffline},
    {"model_revision", "", kOffline},
    {"use_auth_token", "", kOffline},
    {"token", "", kOffline},
    {"trust_remote_code", "", "no code of a model folder is run"},
    {"use_fast_tokenizer", "", "`soragrad tokenize --mode` shows both tokenizers of DeBERTaV3"},
    {"ignore_mismatched_sizes", "", "a head of another number of labels is drawn anew by itself"},
    {"overwrite_cache", "", "nothing is cached"},
    {"pad_to_max_length", "", kRagged},
    {"preprocessing_num_workers", "threads", ""},
    // transformers.TrainingArguments
    {"output_dir", "output", ""},
    {"overwrite_output_dir", "overwrite", ""},
    {"do_train", "", kVerbs},
    {"do_eval", "", kVerbs},
    {"do_predict", "", kVerbs},
    {"lr", "learning_rate", ""},
    {"epochs", "num_train_epochs", ""},
    {"num_epochs", "num_train_epochs", ""},
    {"num_train_steps", "max_steps", ""},
    {"num_training_steps", "max_steps", ""},
    {"max_train_steps", "max_steps", ""},
    {"total_steps", "max_steps", ""},
    {"steps", "max_steps", ""},
    {"batch_size", "per_device_train_batch_size", ""},
    {"train_batch_size", "per_device_train_batch_size", ""},
    {"per_gpu_train_batch_size", "per_device_train_batch_size", ""},
    {"eval_batch_size", "per_device_eval_batch_size", ""},
    {"per_gpu_eval_batch_size", "per_device_eval_batch_size", ""},
    {"accumulation_steps", "gradient_accumulation_steps", ""},
    {"grad_accum", "gradient_accumulation_steps", ""},
    {"wd", "weight_decay", ""},
    {"l2", "weight_decay", ""},
    {"adam_eps", "adam_epsilon", ""},
    {"max_norm", "max_grad_norm", ""},
    {"clip_grad", "max_grad_norm", ""},
    {"gradient_clipping", "max_grad_norm", ""},
    {"scheduler", "lr_scheduler_type", ""},
    {"lr_scheduler", "lr_scheduler_type", ""},
    {"scheduler_type", "lr_scheduler_type", ""},
    {"lr_schedule", "lr_scheduler_type", ""},
    {"warmup", "warmup_ratio", ""},
    {"warmup_proportion", "warmup_ratio", ""},
    {"warmup_step", "warmup_steps", ""},
    {"num_warmup_steps", "warmup_steps", ""},
    {"optimizer", "optim", ""},
    {"adafactor", "optim", "adamw_torch or adamw_hf"},
    {"evaluation_strategy", "eval_steps", kStepsDecide},
    {"eval_strategy", "eval_steps", kStepsDecide},
    {"save_strategy", "save_steps", kStepsDecide},
    {"logging_strategy", "logging_steps", kStepsDecide},
    {"eval_every", "eval_steps", ""},
    {"log_interval", "logging_steps", ""},
    {"save_interval", "save_steps", ""},
    {"logging_dir", "output", "event files lie in the run folder"},
    {"run_name", "output", ""},
    {"report_to", "", "TensorBoard's event files are always written"},
    {"disable_tqdm", "", "progress is drawn on terminals only"},
    {"greater_is_better", "", "the metric knows"},
    {"patience", "early_stopping_patience", ""},
    {"resume_from_checkpoint", "", "write `soragrad train --resume RUN`"},
    {"random_seed", "seed", ""},
    {"data_seed", "seed", ""},
    {"no_cuda", "device", "cpu"},
    {"use_cpu", "device", "cpu"},
    {"n_gpu", "device", kOneDevice},
    {"local_rank", "", kOneDevice},
    {"ddp_find_unused_parameters", "", kOneDevice},
    {"deepspeed", "", kOneDevice},
    {"fsdp", "", kOneDevice},
    {"fp16", "precision", "bf16 or fp32"},
    {"bf16", "precision", "bf16 or fp32"},
    {"tf32", "precision", "bf16 or fp32"},
    {"torch_dtype", "precision", "bf16 or fp32"},
    {"dtype", "precision", "bf16 or fp32"},
    {"half_precision_backend", "precision", "bf16 or fp32"},
    {"fp16_full_eval", "precision", "bf16 or fp32"},
    {"num_workers", "threads", ""},
    {"dataloader_num_workers", "threads", ""},
    {"dataloader_drop_last", "", "every row of an epoch is used"},
    {"dataloader_pin_memory", "", "batches are pinned where a GPU reads them"},
    {"remove_unused_columns", "", "only the columns of the task are read"},
    {"push_to_hub", "", kOffline},
    {"torch_compile", "", "steps are captured by `cuda_graphs`, kernels are compiled already"},
    {"dropout", "hidden_dropout_prob", ""},
    {"hidden_dropout", "hidden_dropout_prob", ""},
    {"attention_dropout", "attention_probs_dropout_prob", ""},
    {"cls_dropout", "classifier_dropout", ""},
    // peft: LoraConfig, AdaLoraConfig
    {"peft_type", "method", ""},
    {"peft_method", "method", ""},
    {"lora_r", "r", ""},
    {"lora_rank", "r", ""},
    {"rank", "r", ""},
    {"alpha", "lora_alpha", ""},
    {"lora_target_modules", "target_modules", ""},
    {"target_layers", "target_modules", ""},
    {"modules_to_save", "train_head", "true or false"},
    {"bias", "method", "method=bitfit trains biases"},
    {"init_lora_weights", "initial_state", "a safetensors file"},
    {"total_step", "max_steps", ""},
    {"init_rank", "init_r", ""},
    {"target_rank", "target_r", ""},
    {"tinit", "tinit", ""},
    {"tfinal", "tfinal", ""},
    {"deltat", "deltaT", ""},
    {"orth_reg", "orth_reg_weight", ""},
    // AdaLoRA's scripts
    {"apply_lora", "method", "lora"},
    {"apply_adalora", "method", "adalora"},
    {"lora_type", "method", "lora or adalora"},
    {"reg_orth_coef", "orth_reg_weight", ""},
    {"init_warmup", "tinit", ""},
    {"final_warmup", "tfinal", ""},
    {"mask_interval", "deltaT", ""},
    {"lora_module", "target_modules", ""},
    // AdapterHub: AdapterArguments and its configurations
    {"train_adapter", "method", "houlsby or pfeiffer"},
    {"adapter_config", "method", "houlsby or pfeiffer"},
    {"adapter_type", "method", "houlsby or pfeiffer"},
    {"adapter", "method", "houlsby or pfeiffer"},
    {"load_adapter", "initial_state", "an adapter folder"},
    {"reduction_factor", "bottleneck", "units, not a factor: hidden size / reduction_factor"},
    {"adapter_reduction_factor", "bottleneck", "units, not a factor"},
    {"bottleneck_size", "bottleneck", ""},
    {"bottleneck_dim", "bottleneck", ""},
    {"adapter_size", "bottleneck", ""},
    {"non_linearity", "adapter_activation", ""},
    {"adapter_non_linearity", "adapter_activation", ""},
    // SoRA's scripts
    {"sparse_lambda_2", "xi", ""},
    {"lambda2", "xi", ""},
    {"lambda_2", "xi", ""},
    {"lambda", "xi", ""},
    {"threshold", "xi", ""},
    {"max_lambda", "xi_max", ""},
    {"lambda_num", "xi_steps", ""},
    {"lambda_schedule", "schedule", ""},
    {"gate_lr", "sparse_lr", ""},
    {"sparse_learning_rate", "sparse_lr", ""},
    {"train_sparse", "method", "sora"},
    {"sora", "method", "sora"},
};

std::string plain(std::string_view name) {
  std::string result = ascii_lower(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

const OtherName* find(std::string_view name) {
  const std::string wanted = plain(name);
  const auto* found = std::find_if(std::begin(kOtherNames), std::end(kOtherNames),
                                   [&](const OtherName& other) { return other.name == wanted; });
  return found == std::end(kOtherNames) ? nullptr : found;
}

}  // namespace

std::string_view key_of_other_name(std::string_view name) {
  const OtherName* other = find(name);
  return other ? other->key : std::string_view();
}

std::string advice_on_other_name(std::string_view name) {
  const OtherName* other = find(name);
  if (!other) return "";
  if (other->key.empty()) {
    return other->note.starts_with("write")
               ? std::string(other->note)
               : fmt::format("there is nothing to set: {}", other->note);
  }
  return other->note.empty() ? fmt::format("did you mean `{}`?", other->key)
                             : fmt::format("did you mean `{}` ({})?", other->key, other->note);
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
