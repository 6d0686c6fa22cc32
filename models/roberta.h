// RoBERTa (Liu et al., 2019), as Hugging Face's RobertaModel computes it: BERT whose positions skip
// padding tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/bert.h"

namespace soragrad::models {

// Position of each token, (tokens). Positions count the tokens of a sequence that are no padding
// token, from pad_token_id + 1 on; a padding token that was typed in the text has pad_token_id.
std::vector<int64_t> roberta_positions(std::span<const int64_t> input_ids,
                                       std::span<const int64_t> offsets, int64_t pad_token_id);

extern const Family kRoberta;

class Roberta : public Bert {
 public:
  Roberta(nn::Module* parent, const ModelConfig& config, const BackboneOptions& options)
      : Bert(parent, std::string(kRoberta.prefix), config,
             {.words = options.word_table,
              .positions_and_types = true,
              .reads_types = false,  // Hugging Face's tokenizer makes none
              .position_padding_idx = config.pad_token_id}) {}
  int64_t max_positions() const override;

 protected:
  void add_positions(const RaggedBatch& batch, int64_t longest,
                     Positions& positions) const override;
};

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
