// Adapters on disk in the run folder's format: adapter_model.safetensors (trainable parameters and
// the head, under their Hugging Face names) and adapter_config.json (method, base model, task,
// num_labels, the method's keys).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/module.h"
#include "sora/method.h"

namespace soragrad::sora {

struct AdapterInfo {
  std::string base_model = {};  // folder of the model it was trained on
  std::string task = {};        // its name; may be empty
  int64_t num_labels = 0;       // 0: not known
  // Of the base model's sorted tensor names and bytes; may be empty.
  std::string base_model_sha256 = {};
  std::vector<std::string> labels = {};  // names in class order; empty: as the task has them
  std::string problem_type = {};         // Hugging Face's name; empty: as the task has it
  std::string tokenizer_sha256 = {};     // of the run's tokenizer; may be empty
};

struct AdapterConfig {
  MethodConfig method;
  AdapterInfo info;
  bool peft = false;  // written by Hugging Face peft: LoRA or AdaLoRA
};

// Writes both files into the folder (created where missing), each in one step. Throws where the
// model's deltas are scaled otherwise than `config` says.
void save_adapter(const std::filesystem::path& folder, nn::Module& model,
                  const MethodConfig& config, const AdapterInfo& info);

// Writes adapter_config.json alone, into a folder that exists.
void save_adapter_config(const std::filesystem::path& folder, const MethodConfig& config,
                         const AdapterInfo& info);

// Reads adapter_config.json, soragrad's or peft's (then with the ranks of its tensors). Throws
// naming the file and the key.
AdapterConfig read_adapter_config(const std::filesystem::path& folder);

// Attaches the adapter of the folder to a model with loaded weights and gives it its values.
// Throws with all missing, unexpected and mis-shaped names together (the first ten of each). peft's
// adapters may leave the head to the base model: `absent`, if given, receives the paths of the
// head's parameters that the folder does not hold. If it throws, the model is as before.
std::unique_ptr<Method> load_adapter(const std::filesystem::path& folder, nn::Module& model,
                                     std::vector<std::string>* absent = nullptr);

// Values of an adapter of that method for the parameters of an attached one: what Tuner::load()
// does. Throws as load_adapter() does, and if the folder's method or its factors are others.
void load_adapter_values(const std::filesystem::path& folder, std::string_view method,
                         nn::Module& model);

// For training that goes on from an adapter, in two steps. First the run's configuration with the
// adapter's places, ranks and factors instead of its own; throws where the methods differ.
MethodConfig continued(const MethodConfig& run, const std::filesystem::path& folder);
// Then, with that attached, the adapter's values instead of the drawn ones. A head that peft left
// to the base model stays. Throws as load_adapter() does, and where peft saved biases, which the
// run's own adapters do not hold.
void load_initial_adapter(const std::filesystem::path& folder, nn::Module& model);

}  // namespace soragrad::sora

// SPDX-License-Identifier: Apache-2.0
