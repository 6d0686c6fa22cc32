#include <filesystem>

#include "data/glue_file.h"
#include "data/tokenizer/tokenizer.h"
#include "models/config.h"
#include "sora/adapter_file.h"
#include "tests/data/tokenizer_models.h"
#include "tests/files.h"
#include "tests/fuzz/targets.h"
#include "tests/nn/checkpoint_files.h"
#include "train/config/config.h"
#include "train/recipe/recipe.h"

namespace soragrad::fuzz {

namespace {

// The folder of the readers that take paths; it goes away with the program.
const test::TemporaryFolder& folder() {
  static const test::TemporaryFolder root;
  return root;
}

void use_tokenizer(const std::filesystem::path& path, bool two_modes) {
  for (const char* mode : {"fast", "slow"}) {
    if (!two_modes && mode[0] == 's') continue;
    const auto tokenizer = data::load_tokenizer(path, mode);
    tokenizer->encode("The caf\xc3\xa9, \xe4\xb8\xad \xff x1 ", "a second [SEP] </s>", 16);
  }
}

// A tokenizer's folder of one model type in which one file is the input.
void read_tokenizer(const char* type, const char* file, std::string_view bytes) {
  const std::string name = std::string(type) + "-" + file + "/";
  folder().write(name + "config.json", std::string(R"({"model_type": ")") + type + "\"}");
  folder().write(name + file, bytes);
  use_tokenizer(folder() / name, std::string_view(type) == "deberta-v2");
}

void read_config(std::string_view bytes) {
  const models::ModelConfig config = models::parse_config(bytes, "config.json");
  models::to_json(config);
}

void read_merges(std::string_view bytes) {
  folder().write("roberta-merges.txt/vocab.json",
                 R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"b":5,"ab":6})");
  read_tokenizer("roberta", "merges.txt", bytes);
}

void read_vocab_json(std::string_view bytes) {
  folder().write("roberta-vocab.json/merges.txt", "#version: 0.2\na b\n");
  read_tokenizer("roberta", "vocab.json", bytes);
}

void read_rows(std::string_view bytes) {
  const std::string path = folder().write("rows.tsv", bytes);
  for (const char* task : {"cola", "stsb", "mnli"}) {
    try {
      data::load_glue_file(data::find_task(task), path, data::Labels::required);
    } catch (const UsageError&) {
      throw;
    } catch (const Error&) {
    }
  }
  data::load_glue_file(data::find_task("mrpc"), path, data::Labels::ignored);
}

void read_yaml(std::string_view bytes) {
  train::Config config;
  train::read_yaml(config, folder().write("config.yaml", bytes));
}

void read_recipe(std::string_view bytes) {
  train::runs_of(train::read_recipe(folder().write("recipe.yaml", bytes)));
}

void read_adapter(std::string_view bytes) {
  folder().write("adapter/adapter_model.safetensors",
                 nn::test::safetensors(R"({"base_model.model.a.q.lora_A.weight":)"
                                       R"({"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}})",
                                       "abcd"));
  folder().write("adapter/adapter_config.json", bytes);
  sora::read_adapter_config(folder() / "adapter");
}

template <typename... Texts>
std::vector<std::string> seeds(Texts... texts) {
  return {std::string(texts)...};
}

constexpr const char* kBertTokenizer =
    R"({"added_tokens":[{"id":2,"content":"[CLS]","special":true}],"normalizer":{"type":)"
    R"("BertNormalizer","lowercase":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":)"
    R"({"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",)"
    R"("vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"a":5,"##b":6}}})";
constexpr const char* kRobertaTokenizer =
    R"({"added_tokens":[{"id":0,"content":"<s>","special":true}],"pre_tokenizer":{"type":)"
    R"("ByteLevel","add_prefix_space":false},"model":{"type":"BPE","vocab":{"<s>":0,"<pad>":1,)"
    R"("</s>":2,"<unk>":3,"a":4,"b":5,"ab":6},"merges":["a b"]}})";

constexpr Target kTargets[] = {
    {"config_json", read_config,
     [] {
       return seeds(
           R"({"model_type":"deberta-v2","hidden_size":8,"num_attention_heads":2,)"
           R"("num_hidden_layers":1,"intermediate_size":8,"vocab_size":9,"pos_att_type":"p2c|c2p",)"
           R"("relative_attention":true,"share_att_key":true,"position_buckets":4,)"
           R"("position_biased_input":false,"norm_rel_ebd":"layer_norm","type_vocab_size":0})",
           R"({"model_type":"bert","hidden_size":8,"num_attention_heads":2,"id2label":{"0":"a"}})");
     }},
    {"tokenizer_json_bert",
     [](std::string_view bytes) { read_tokenizer("bert", "tokenizer.json", bytes); },
     [] { return seeds(kBertTokenizer); }},
    {"tokenizer_json_roberta",
     [](std::string_view bytes) { read_tokenizer("roberta", "tokenizer.json", bytes); },
     [] { return seeds(kRobertaTokenizer, kBertTokenizer); }},
    {"tokenizer_config",
     [](std::string_view bytes) {
       folder().write("bert-tokenizer_config.json/vocab.txt",
                      "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n");
       read_tokenizer("bert", "tokenizer_config.json", bytes);
     },
     [] {
       return seeds(R"({"do_lower_case":true,"unk_token":"[UNK]","added_tokens_decoder":)"
                    R"({"7":{"content":"<x>","special":true,"lstrip":true}}})");
     }},
    {"spm_model", [](std::string_view bytes) { read_tokenizer("deberta-v2", "spm.model", bytes); },
     [] { return seeds(data::spm_model(data::small_pieces(), data::small_charsmap())); }},
    {"vocab_json", read_vocab_json,
     [] { return seeds(R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"b":5,"ab":6})"); }},
    {"merges_txt", read_merges, [] { return seeds("#version: 0.2\na b\nab a\n"); }},
    {"vocab_txt", [](std::string_view bytes) { read_tokenizer("bert", "vocab.txt", bytes); },
     [] { return seeds("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"); }},
    {"rows", read_rows,
     [] {
       return seeds("x\t1\t\tA sentence.\ny\t0\t*\tAnother \"one.\r\n",
                    "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\t"
                    "sentence2\tscore\n0\tg\tf\ty\t0\ts\ts\ta\tb\t2.5\n",
                    "\xef\xbb\xbfQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t2\t3\ta\tb\n");
     }},
    {"yaml", read_yaml,
     [] {
       return seeds("model: m\ntask: rte\nmethod: sora\nr: 8\nlearning_rate: 8.0e-4\n",
                    "target_modules: [a, &x b, *x]\nseed: 3\n---\n");
     }},
    {"recipe", read_recipe,
     [] {
       return seeds(
           "output: o\nseeds: [1, 2]\ncommon: {model: m}\nmethods: {sora-r4: {method: "
           "sora}, lora: }\ntasks:\n  cola: {num_train_epochs: 2}\ncells: {cola/lora: {r: 4}}\n");
     }},
    {"adapter_config", read_adapter,
     [] {
       return seeds(
           R"({"method":"lora","train_head":true,"r":2,"lora_alpha":4,"lora_dropout":0,)"
           R"("target_modules":["q"],"modules":{"a.q":{"rank":2,"factor":1.5}},"num_labels":2})",
           R"({"peft_type":"LORA","r":2,"lora_alpha":4,"alpha_pattern":{"a.q":3},"bias":"none"})",
           R"({"peft_type":"ADALORA","init_r":3,"r":2,"lora_alpha":4,)"
           R"("rank_pattern":{"a":[true]}})");
     }},
};

}  // namespace

std::span<const Target> text_targets() {
  return kTargets;
}

}  // namespace soragrad::fuzz

// SPDX-License-Identifier: Apache-2.0
