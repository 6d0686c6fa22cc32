// Families of models: a table of one row each. Everything that differs between families is in the
// row - keys of config.json, names in checkpoints, backbone, head - so that a family is added by a
// header, a source file and a line in models/family.cpp, or by register_family() from a program.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/backbone.h"
#include "models/config.h"
#include "models/heads.h"
#include "nn/role.h"

namespace soragrad {
class JsonReader;
}

namespace soragrad::models {

struct ConfigObject;  // models/config_keys.h

// Names of a language model's head in checkpoints: HEAD.DENSE, HEAD.NORM and HEAD.bias.
struct LanguageModelNames {
  std::string_view head, dense, norm;
};

struct Family {
  std::string_view model_type;    // config.json: "model_type"
  std::string_view architecture;  // config.json: "architectures" of a sequence classifier
  std::string_view prefix;        // name of the backbone, the first part of its keys
  std::string_view classifier;    // path of the Linear whose rows are the labels
  const char* dropout_key;        // config.json: the dropout in front of the classifier
  // Prefixes of keys that published files hold and a classifier does not read: heads of
  // pre-training, and tables that only those heads use.
  std::span<const std::string_view> unused;
  // What the family is pre-trained by. Null: it has no language model head.
  const LanguageModelNames* language_model = nullptr;
  // Names that its head has in checkpoints of transformers' class for "legacy": true; null: there
  // is no such class. save_pretraining() then writes "legacy": false.
  const LanguageModelNames* legacy_language_model = nullptr;
  // The head has the exact GELU, whatever "hidden_act" is.
  bool language_model_has_gelu = false;
  // Whether pretrain objective=rtd can train it.
  bool detects_replaced_tokens = false;

  // Sets Hugging Face's defaults of the family's configuration class (transformers 4.46).
  void (*set_defaults)(ModelConfig& config);
  // Reads the keys that only this family has, after the common ones. Throws naming file and key
  // for what the family does not compute.
  void (*read_keys)(const JsonReader& reader, ModelConfig& config);
  // Adds those keys to the object; null: there are none.
  void (*write_keys)(const ModelConfig& config, ConfigObject& object);

  // A backbone named `prefix` below the parent; its parameters have no values yet.
  std::unique_ptr<Backbone> (*make_backbone)(nn::Module* parent, const ModelConfig& config,
                                             const BackboneOptions& options);
  // The classification head below the parent.
  std::unique_ptr<ClassifierHead> (*make_head)(nn::Module* parent, const ModelConfig& config);
};

// The library's families, then registered ones.
std::span<const Family* const> families();
// Null if no family has that model_type.
const Family* find_family(std::string_view model_type);
// "deberta-v2, roberta and bert".
std::string family_names();
// Adds a family, which must live until the program ends. Call it before other threads use models.
// Throws if its model_type is known already.
void register_family(const Family& family);

// The roles of a layer's Linears by their paths within the layer, as all families name them:
// "attention.self.query_proj" and "attention.self.query" are queries.
std::map<std::string, nn::Role, std::less<>> layer_roles();

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
