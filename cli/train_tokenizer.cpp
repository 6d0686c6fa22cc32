#include "cli/train_tokenizer.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/console.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/output_path.h"
#include "core/text.h"
#include "data/tokenizer/copy_tokenizer.h"
#include "data/tokenizer/training/train_tokenizer.h"
#include "models/config.h"
#include "models/family.h"
#include "nn/checkpoint/checkpoint.h"

namespace soragrad::cli {

namespace {

namespace fs = std::filesystem;

constexpr int64_t kPositions = 512;  // longest sequence

// A model of this family and size, as `pretrain` draws it.
models::ModelConfig small_model(const TrainTokenizerOptions& options, int64_t vocab_size) {
  models::ModelConfig config;
  config.family = models::find_family(options.model_type);
  config.vocab_size = vocab_size;
  config.hidden_size = options.hidden_size;
  config.layers = options.layers;
  config.heads = options.heads;
  config.intermediate_size = 4 * options.hidden_size;
  config.max_position_embeddings = kPositions;
  config.layer_norm_eps = 1e-7;
  if (options.model_type == "deberta-v2") {
    config.position_buckets = 64;
    config.max_relative_positions = kPositions;
    config.c2p = config.p2c = true;
    return config;
  }
  const bool roberta = options.model_type == "roberta";
  config.layer_norm_eps = roberta ? 1e-5 : 1e-12;
  config.type_vocab_size = roberta ? 1 : 2;
  config.pad_token_id = roberta ? 1 : 0;
  if (roberta) config.max_position_embeddings = kPositions + 2;  // positions count from 2
  return config;
}

// config.json of the folder: one that is there keeps all but its vocab_size.
void write_config(const TrainTokenizerOptions& options, int64_t vocab_size) {
  const fs::path path = fs::path(options.output) / "config.json";
  nlohmann::json object;
  if (path_exists(path)) {
    object = read_json_object(path);
    object["vocab_size"] = vocab_size;
  } else {
    object = parse_json_object(models::to_json(small_model(options, vocab_size)), "config.json");
    object.erase("architectures");
  }
  write_file_atomically(path.string(), json_text(object, 2) + "\n");
}

// The folder may be missing, or have a config.json of this family. Weights would be lost: their
// table of embeddings is one of the tokenizer that they were trained with.
void check_output(const TrainTokenizerOptions& options) {
  require_output_folder(options.output);
  const fs::path folder = options.output;
  const fs::path weights = nn::weights_file(folder);
  require(weights.empty(),
          "[train-tokenizer] {} holds weights, {}, which belong to its tokenizer; choose another "
          "--output.",
          shown(options.output), weights.filename().string());
  const fs::path config = folder / "config.json";
  if (!path_exists(config)) return;
  std::string type;
  const nlohmann::json object = read_json_object(config);
  JsonReader(object, shown(config.string())).read("model_type", type);
  require(type == options.model_type,
          "[train-tokenizer] {} is a {}'s; the tokenizer is one for {}.", shown(config.string()),
          shown(type), options.model_type);
}

}  // namespace

int train_tokenizer_main(const TrainTokenizerOptions& options) {
  if (options.hidden_size % options.heads != 0) {
    throw UsageError(fmt::format("[train-tokenizer] --hidden-size {} is no multiple of --heads {}.",
                                 options.hidden_size, options.heads));
  }
  if (options.cased && options.model_type != "bert") {
    throw UsageError(
        fmt::format("[train-tokenizer] --cased is for bert; {} keeps upper case always.",
                    quote(options.model_type)));
  }
  check_output(options);
  if (data::has_tokenizer(options.output)) {
    log_line(fmt::format("warning: the tokenizer in {} is replaced.", shown(options.output)));
  }
  const data::TrainedTokenizer trained = data::train_tokenizer({.model_type = options.model_type,
                                                                .vocab_size = options.vocab_size,
                                                                .corpus = options.corpus,
                                                                .output = options.output,
                                                                .lower_case = !options.cased});
  write_config(options, trained.vocab_size);
  write_output(fmt::format("{}: {} tokens from {} different words\n", options.output,
                           trained.vocab_size, trained.words));
  return 0;
}

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
