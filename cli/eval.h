// `soragrad eval` and `soragrad predict`: a trained model on rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace soragrad::cli {

struct EvalOptions {
  std::string run;             // --run: a run folder; --model: where its base model is now, or
  std::string model, adapter;  // --model and --adapter
  std::string task, data, protocol;  // empty: the run's
  std::string split = "validation";
  int64_t max_length = 0;  // 0: the run's, else 128
  int64_t batch_size = 64;
  std::string device = "auto", precision;  // precision empty: the run's, else fp32
  int64_t threads = 0;
  int64_t phase = -1;             // of a run with `schedule`
  std::string input, output;      // predict
  bool probabilities = false;     // predict, own data: of every class
  std::vector<std::string> keys;  // key=value of own data
  std::string profile;            // eval: a file for the trace, or empty
};

// Prints one JSON object of metrics; MNLI's second half under names ending in _mm.
int eval_main(const EvalOptions& options);
// Writes GLUE's submission format; for own data the names of classes, as .tsv or .jsonl.
int predict_main(const EvalOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
