#include "data/tokenizer/training/train_tokenizer.h"

#include <nlohmann/json.hpp>

#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "data/tokenizer/training/families.h"

namespace soragrad::data {
namespace {

using nlohmann::json;

void write_json(const TokenizerTraining& training, const char* name, const json& object) {
  write_file_atomically(training.output + "/" + name, json_text(object, 2) + "\n");
}

void write_settings(const TokenizerTraining& training, int64_t vocab_size) {
  if (training.model_type == "roberta") {
    write_json(training, "tokenizer_config.json", {{"tokenizer_class", "RobertaTokenizer"}});
    write_json(training, "special_tokens_map.json",
               {{"bos_token", "<s>"},
                {"eos_token", "</s>"},
                {"unk_token", "<unk>"},
                {"sep_token", "</s>"},
                {"pad_token", "<pad>"},
                {"cls_token", "<s>"},
                {"mask_token", "<mask>"}});
    return;
  }
  const bool deberta = training.model_type == "deberta-v2";
  json config = {{"do_lower_case", !deberta && training.lower_case},
                 {"tokenizer_class", deberta ? "DebertaV2Tokenizer" : "BertTokenizer"}};
  if (deberta) {
    config["vocab_type"] = "spm";
    write_json(training, "added_tokens.json", {{"[MASK]", vocab_size - 1}});
  }
  json specials = {{"unk_token", "[UNK]"},
                   {"sep_token", "[SEP]"},
                   {"pad_token", "[PAD]"},
                   {"cls_token", "[CLS]"},
                   {"mask_token", "[MASK]"}};
  if (deberta) specials.update({{"bos_token", "[CLS]"}, {"eos_token", "[SEP]"}});
  write_json(training, "tokenizer_config.json", config);
  write_json(training, "special_tokens_map.json", specials);
}

}  // namespace

TrainedTokenizer train_tokenizer(const TokenizerTraining& training) {
  const std::string& type = training.model_type;
  if (type != "deberta-v2" && type != "roberta" && type != "bert") {
    throw UsageError(fmt::format(
        "[train-tokenizer] model type {}; deberta-v2, roberta and bert are known.", type));
  }
  make_folders(training.output);
  const TrainedTokenizer result = type == "deberta-v2" ? train_sentencepiece(training)
                                  : type == "roberta"  ? train_byte_level_bpe(training)
                                                       : train_wordpiece(training);
  write_settings(training, result.vocab_size);
  return result;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
