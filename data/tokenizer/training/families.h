// The three families' parts of train_tokenizer().
#pragma once

#include "data/tokenizer/training/train_tokenizer.h"

namespace soragrad::data {

TrainedTokenizer train_sentencepiece(const TokenizerTraining& training);
TrainedTokenizer train_byte_level_bpe(const TokenizerTraining& training);
TrainedTokenizer train_wordpiece(const TokenizerTraining& training);

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
