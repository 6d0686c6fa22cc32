// `soragrad table`: runs what is missing of a grid and prints its table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace soragrad::cli {

struct TableOptions {
  std::string recipe;
  std::vector<std::string> arguments;       // key=value, over the recipe's
  std::vector<std::string> tasks, methods;  // empty: all of the recipe
  std::vector<int64_t> seeds;
  std::string shard = "1/1";    // which part of the runs to do
  std::string format = "text";  // of what is printed
  bool print_only = false;      // run nothing
};

// Also writes table.txt, .md, .csv and .html and costs.csv into the recipe's output folder. A run
// that another process trains is left to it. Returns 1 where runs
// failed; the others are done all the same.
int table_main(const TableOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
