// How long the runs of a grid will take, so that the longest begins first: dealt out in that order,
// the last workers end at nearly the same time.
//
//   tokens = rows * min(bytes of a row / 4.5, max_seq_length)
//   work = training tokens * 4P (method full: 6P) + evaluation tokens * 2P
//   seconds = work / a nominal speed * correction
//
// Rows and their bytes are estimated from a file's size and first lines. Work is in FLOP; P is the
// number of the encoder's weights. The correction is measured seconds / estimated seconds, the mean
// over the finished runs of the same task and method, else of the same method, else of all; without
// any the order is right and the seconds are rough.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/recipe/recipe.h"

namespace soragrad::train {

// What a data file holds, from its size and its first 64 KiB.
struct FileRows {
  double rows = 0;
  double bytes_of_row = 0;
};
FileRows estimate_rows(const std::string& file);

// Seconds by the nominal speed alone. Files that are missing count as small ones.
double nominal_seconds(const Config& config);

// Seconds of each run; reads the results.json of those that are complete.
class RunCosts {
 public:
  RunCosts(const Recipe& recipe, const std::vector<GridRun>& runs);

  double seconds(size_t run) const { return seconds_[run]; }
  // Whether a finished run of the same task and method was there to measure.
  bool is_measured(size_t run) const { return is_measured_[run]; }
  // Indices of the runs, costliest first; equal ones in the recipe's order.
  std::vector<size_t> costliest_first() const;

 private:
  std::vector<double> seconds_;
  std::vector<bool> is_measured_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
