// `soragrad table`: runs what is missing of a grid and prints its table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/run/lease.h"

namespace soragrad::cli {

struct TableOptions {
  std::string recipe;
  std::vector<std::string> arguments;       // key=value, over the recipe's
  std::vector<std::string> tasks, methods;  // empty: all of the recipe
  std::vector<int64_t> seeds;
  std::vector<std::string> runs;           // names of their folders; empty: all
  std::string shard = "1/1";               // which part of the runs to do
  std::string format = "text";             // of what is printed
  std::string against;                     // method with which the others are compared
  bool print_only = false;                 // run nothing
  bool worker = false;                     // costliest first, and take over what dead workers leave
  std::optional<std::string> jobs;         // number of workers; empty: one a core, as memory allows
  bool status = false;                     // print what has become of the runs
  std::string emit;                        // print the runs that are left for this engine
  double heartbeat = train::kBeatSeconds;  // seconds between signs of life
};

// Also writes table.txt, .md, .csv and .html and costs.csv into the recipe's output folder; a
// worker of a part of the recipe prints and writes none. A run that another process trains is left
// to it.
// Returns 1 where runs failed; the others are done all the same.
int table_main(const TableOptions& options);

}  // namespace soragrad::cli

// SPDX-License-Identifier: Apache-2.0
