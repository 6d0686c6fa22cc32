// From a model folder to a tokenizer: which files, which defaults, which mode.
#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/tokenizer/byte_level_bpe.h"
#include "data/tokenizer/deberta.h"
#include "data/tokenizer/sentencepiece_model.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/tokenizer_files.h"
#include "data/tokenizer/tokenizer_json.h"
#include "data/tokenizer/wordpiece.h"

namespace soragrad::data {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int64_t kMaxModelFile = int64_t{256} << 20;

// The special tokens of BERT and DeBERTaV3, in the order in which the reference hands out new ids.
std::vector<SpecialDefault> bert_like_specials(bool normalized_unk) {
  return {{"unk_token", {"[UNK]", 0, false, false, normalized_unk}},
          {"sep_token", {"[SEP]"}},
          {"pad_token", {"[PAD]"}},
          {"cls_token", {"[CLS]"}},
          {"mask_token", {"[MASK]"}}};
}

std::vector<SpecialDefault> roberta_specials() {
  return {{"cls_token", {"<s>"}},
          {"sep_token", {"</s>"}},
          {"unk_token", {"<unk>"}},
          {"pad_token", {"<pad>"}},
          {"mask_token", {"<mask>", 0, true}}};
}

json tokenizer_config(const fs::path& dir) {
  const fs::path path = dir / "tokenizer_config.json";
  return path_exists(path) ? read_tokenizer_json(path) : json::object();
}

// One more than the largest id.
int vocab_end(const Vocab& vocab) {
  int end = 0;
  for (const auto& [token, id] : vocab) end = std::max(end, id + 1);
  return end;
}

// A function from a token's text to its id; -1 if the vocabulary lacks it. Borrows the vocabulary.
auto vocab_finder(const Vocab& vocab) {
  return [&vocab](const std::string& token) {
    const auto found = vocab.find(token);
    return found == vocab.end() ? -1 : found->second;
  };
}

// The same for a list of pieces whose index is the id. It is called for a few special tokens only,
// so it searches from the beginning.
template <typename Piece>
auto piece_finder(const std::vector<Piece>& pieces, const std::string& (*text)(const Piece&)) {
  return [&pieces, text](const std::string& token) {
    for (size_t id = 0; id < pieces.size(); ++id) {
      if (text(pieces[id]) == token) return static_cast<int32_t>(id);
    }
    return -1;
  };
}

// spm.model makes either form; tokenizer.json alone makes the fast one.
std::unique_ptr<Tokenizer> load_deberta(const fs::path& dir, std::string_view mode) {
  const json config = tokenizer_config(dir);
  for (const char* key : {"do_lower_case", "split_by_punct"}) {
    require(!json_flag(config, key, false, (dir / "tokenizer_config.json").string()),
            "[{}] {} is true; DeBERTaV3 has it false, and true is not supported.",
            (dir / "tokenizer_config.json").string(), key);
  }
  const fs::path model_path = dir / "spm.model";
  const fs::path json_path = dir / "tokenizer.json";
  if (path_exists(model_path)) {
    const std::string path = model_path.string();
    const SentencePieceModel model =
        parse_sentencepiece_model(read_file(path, kMaxModelFile), path);
    using Piece = SentencePieceModel::Piece;
    const auto find = piece_finder<Piece>(
        model.pieces, [](const Piece& piece) -> const std::string& { return piece.text; });
    TokenSet set = collect_tokens(dir, {}, bert_like_specials(true), find,
                                  static_cast<int>(model.pieces.size()));
    if (mode != "fast") {
      return std::make_unique<DebertaSlowTokenizer>(model, std::move(set.tokens), set.special,
                                                    set.vocab_size, path);
    }
    // The fast form also cuts out what SentencePiece calls control and user-defined symbols.
    for (size_t id = 0; id < model.pieces.size(); ++id) {
      const Piece& piece = model.pieces[id];
      if (piece.type != SentencePieceModel::Type::control &&
          piece.type != SentencePieceModel::Type::user_defined) {
        continue;
      }
      if (std::none_of(set.tokens.begin(), set.tokens.end(),
                       [&](const AddedToken& token) { return token.text == piece.text; })) {
        set.tokens.push_back({piece.text, static_cast<int32_t>(id)});
      }
    }
    return std::make_unique<DebertaFastTokenizer>(unigram_spec(model), set.tokens, set.special,
                                                  set.vocab_size, path);
  }
  require(path_exists(json_path), "[{}] neither spm.model nor tokenizer.json is there.",
          dir.string());
  require(mode != "slow", "[{}] spm.model is missing; only mode fast can do without.",
          dir.string());
  const std::string path = json_path.string();
  const json file = read_tokenizer_json(json_path);
  UnigramSpec spec = read_unigram_json(file, path);
  const auto find = piece_finder<std::string>(
      spec.pieces, [](const std::string& piece) -> const std::string& { return piece; });
  const TokenSet set =
      collect_tokens(dir, read_added_tokens_json(file, path), bert_like_specials(true), find,
                     static_cast<int>(spec.pieces.size()));
  return std::make_unique<DebertaFastTokenizer>(std::move(spec), set.tokens, set.special,
                                                set.vocab_size, path);
}

// vocab.json with merges.txt, or tokenizer.json.
std::unique_ptr<Tokenizer> load_roberta(const fs::path& dir) {
  const fs::path vocab_path = dir / "vocab.json";
  const fs::path merges_path = dir / "merges.txt";
  const fs::path json_path = dir / "tokenizer.json";
  BpeSpec spec;
  std::vector<AddedToken> known;
  std::string path;
  if (path_exists(vocab_path) && path_exists(merges_path)) {
    path = merges_path.string();
    spec.vocab = read_vocab(read_tokenizer_json(vocab_path), vocab_path.string());
    spec.merges = read_merges_txt(merges_path);
    spec.add_prefix_space = json_flag(tokenizer_config(dir), "add_prefix_space", false,
                                      (dir / "tokenizer_config.json").string());
  } else {
    require(path_exists(json_path),
            "[{}] neither vocab.json with merges.txt nor tokenizer.json is there.", dir.string());
    path = json_path.string();
    const json file = read_tokenizer_json(json_path);
    spec = read_bpe_json(file, path);
    known = read_added_tokens_json(file, path);
  }
  TokenSet set = collect_tokens(dir, std::move(known), roberta_specials(), vocab_finder(spec.vocab),
                                vocab_end(spec.vocab));
  set.special.separators = 2;
  return std::make_unique<ByteLevelBpeTokenizer>(spec, set.tokens, set.special, set.vocab_size,
                                                 path);
}

// vocab.txt, or tokenizer.json.
std::unique_ptr<Tokenizer> load_bert(const fs::path& dir) {
  const fs::path vocab_path = dir / "vocab.txt";
  const fs::path json_path = dir / "tokenizer.json";
  WordPieceSpec spec;
  std::vector<AddedToken> known;
  if (path_exists(vocab_path)) {
    const json config = tokenizer_config(dir);
    const std::string path = (dir / "tokenizer_config.json").string();
    spec.vocab = read_vocab_txt(vocab_path);
    spec.lower_case = json_flag(config, "do_lower_case", true, path);
    spec.strip_accents = json_flag(config, "strip_accents", spec.lower_case, path);
    spec.chinese_apart = json_flag(config, "tokenize_chinese_chars", true, path);
  } else {
    require(path_exists(json_path), "[{}] neither vocab.txt nor tokenizer.json is there.",
            dir.string());
    const json file = read_tokenizer_json(json_path);
    spec = read_wordpiece_json(file, json_path.string());
    known = read_added_tokens_json(file, json_path.string());
  }
  const TokenSet set = collect_tokens(dir, std::move(known), bert_like_specials(false),
                                      vocab_finder(spec.vocab), vocab_end(spec.vocab));
  return std::make_unique<WordPieceTokenizer>(spec, set.tokens, set.special, set.vocab_size);
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& model_dir, std::string_view mode) {
  const fs::path config_path = model_dir / "config.json";
  require(is_folder(model_dir),
          "[{}] there is no such folder. Models are read from folders; `soragrad fetch model NAME "
          "--output DIR` makes one.",
          shown(model_dir.string()));
  require(path_exists(config_path), "[{}] not found; a model folder holds config.json.",
          shown(config_path.string()));
  const json config = read_tokenizer_json(config_path);
  const auto found = config.find("model_type");
  require(found != config.end() && found->is_string(),
          "[{}] model_type is missing; it must name deberta-v2, roberta or bert.",
          config_path.string());
  const auto& type = found->get_ref<const std::string&>();
  if (!mode.empty() && mode != "slow" && mode != "fast") {
    throw UsageError(fmt::format("[--mode] {}; slow and fast are known.", mode));
  }
  if (type == "deberta-v2") return load_deberta(model_dir, mode);
  if (mode == "slow") {
    throw UsageError(fmt::format("[--mode] slow; {} has one mode, fast: leave it out.", type));
  }
  if (type == "roberta") return load_roberta(model_dir);
  if (type == "bert") return load_bert(model_dir);
  fail("[{}] model_type {}; deberta-v2, roberta and bert are known.", config_path.string(), type);
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
