// `soragrad trace`: one batch through a model, with everything that happens on the way - hidden
// states, outputs of modules, probabilities, gradients - as one safetensors file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace soragrad::cli {

struct TraceOptions {
  std::string model;                  // --model: a model folder
  std::string adapter;                // --adapter: an adapter folder, or empty
  std::string task;                   // --task
  std::string input;                  // --input: a file in the task's format
  int64_t start = 0;                  // --start: rows of the file to skip
  int64_t rows = 8;                   // --rows of the batch
  std::optional<int64_t> max_length;  // --max-length: 512, or what the position table holds
  uint64_t seed = 42;                 // --seed of a freshly drawn head
  std::string device = "cpu";         // --device: cpu, cuda
  std::string precision = "fp32";     // --precision
  bool grad = false;                  // --grad: every parameter's gradient
  std::string output;                 // --output: the file
  std::vector<std::string> keys;      // key=value of own data, with task custom
};

// Traces and writes the file; returns the exit code. Throws Error, and UsageError for options that
// cannot be.
int trace_main(const TraceOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
