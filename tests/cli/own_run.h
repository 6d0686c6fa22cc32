// Whole runs on small files of own data.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "cli/eval.h"
#include "cli/train.h"
#include "tests/train/tiny_run.h"

namespace soragrad::test {

// Three classes that a word tells apart, in the order in which they occur.
inline std::string animals(int rows) {
  constexpr const char* kAnimals[] = {"dog", "cat", "bird"};
  std::string text = "id,text,label\n";
  for (int row = 0; row < rows; ++row) {
    text += fmt::format("r{},\"the {} runs, {}\",{}\n", row, kAnimals[row % 3],
                        row % 2 ? "old" : "a", kAnimals[row % 3]);
  }
  return text;
}

inline int train_own(const TinyFolder& tiny, const std::string& output,
                     std::vector<std::string> more) {
  std::vector<std::string> arguments = {"model=" + tiny.run("model"),
                                        "task=custom",
                                        "output=" + tiny.run(output),
                                        "device=cpu",
                                        "learning_rate=1e-2",
                                        "per_device_train_batch_size=4",
                                        "logging_steps=1"};
  if (std::ranges::none_of(
          more, [](const std::string& word) { return word.starts_with("train_file="); })) {
    arguments.push_back("train_file=" + tiny.run("own.csv"));
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return cli::train_main({.arguments = arguments});
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline cli::EvalOptions of_run(const TinyFolder& tiny, const std::string& run,
                               const std::string& output) {
  cli::EvalOptions options;
  options.run = tiny.run(run);
  options.input = tiny.run("own.csv");
  options.output = tiny.run(output);
  options.device = "cpu";
  return options;
}

}  // namespace soragrad::test

// SPDX-License-Identifier: Apache-2.0
