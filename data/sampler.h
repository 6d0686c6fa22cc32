// The order of a run's rows. It is a function of the step alone, so a run that continues at step N
// sees what the run that was not interrupted saw; nothing has to be saved but N.
#pragma once

#include <cstdint>
#include <vector>

namespace soragrad::data {

struct SamplerOptions {
  int64_t rows = 0;
  int64_t batch_size = 8;
  int64_t accumulation = 1;      // batches of a step
  bool shuffle = true;           // else file order
  bool group_by_length = false;  // rows of like length share a batch
  uint64_t seed = 42;
  std::vector<int64_t> lengths = {};  // (rows) tokens; only for group_by_length
};

// Orders. shuffle: torch.randperm(rows) with seed + epoch, as accelerate's SeedableRandomSampler.
// group_by_length: that order cut into pieces of up to 50 steps, each sorted by length, longest
// first, and the longest row of all first of all (Hugging Face's LengthGroupedSampler).
class Sampler {
 public:
  explicit Sampler(SamplerOptions options);

  // The last batch of an epoch may be smaller, its last step may have fewer batches.
  int64_t batches_per_epoch() const;
  int64_t steps_per_epoch() const;
  int64_t epoch_of(int64_t step) const { return step / steps_per_epoch(); }

  // The batches of a step, counted from 0 over the whole run; no step spans two epochs.
  std::vector<std::vector<int64_t>> step(int64_t step);

 private:
  void draw_order(int64_t epoch);

  SamplerOptions options_;
  int64_t epoch_ = -1;  // whose order is kept below
  std::vector<int64_t> order_;
};

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
