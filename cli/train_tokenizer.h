// `soragrad train-tokenizer`: a tokenizer from text, in a folder that `pretrain` takes.
#pragma once

#include <cstdint>
#include <string>

namespace soragrad::cli {

struct TrainTokenizerOptions {
  std::string model_type, corpus, output;
  int64_t vocab_size = 0;
  bool cased = false;
  int64_t layers = 4, hidden_size = 192, heads = 3;  // of config.json, where there is none
};

// Returns the exit code. Throws Error and UsageError.
int train_tokenizer_main(const TrainTokenizerOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
