// Training a tokenizer on a corpus: SentencePiece's Unigram model for DeBERTaV3, byte-level BPE for
// RoBERTa, WordPiece for BERT, in the files that Hugging Face's tokenizers read.
#pragma once

#include <cstdint>
#include <string>

namespace soragrad::data {

struct TokenizerTraining {
  std::string model_type;  // deberta-v2, roberta, bert
  int64_t vocab_size = 0;  // ids, special tokens included
  std::string corpus;      // files, as Corpus takes them
  std::string output;      // folder, made where it is missing
  bool lower_case = true;  // bert
};

struct TrainedTokenizer {
  int64_t vocab_size = 0;  // may be less than asked for where the text has too few pairs
  int64_t words = 0;       // different ones in the corpus
};

// Writes spm.model, vocab.json and merges.txt, or vocab.txt, with tokenizer_config.json and
// special_tokens_map.json. Throws UsageError for another model_type or a size below what the
// special tokens and the alphabet need.
TrainedTokenizer train_tokenizer(const TokenizerTraining& training);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
