// The batches of a data set as a range, in the order of `soragrad train`:
//   for (const data::Batch& batch : data::batches(encoded, examples, {.size = 8, .epochs = 3}))
// and with several batches a step (gradient accumulation), step by step:
//   for (const std::vector<data::Batch>& step : data::steps(encoded, examples, {.accumulation =
//   4}))
// Both ranges know their size() and can be entered at any place, so a run that continues at step N
// drops the first N: `data::steps(...) | std::views::drop(N)`.
#pragma once

#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <vector>

#include "data/batch.h"
#include "data/sampler.h"

namespace soragrad::data {

struct BatchOptions {
  int64_t size = 8;              // rows of a batch; the last one of an epoch may have fewer
  int64_t accumulation = 1;      // batches of a step; the last one of an epoch may have fewer
  int64_t epochs = 1;            // each in an order of its own
  int64_t max_steps = 0;         // not 0: instead of epochs
  bool shuffle = true;           // false: the rows in their own order
  bool group_by_length = false;  // rows of like length share a batch
  uint64_t seed = 42;
};

// Borrows the rows, which must outlive it. encoded[i] belongs to examples[i].
class BatchSource {
 public:
  // Throws for no rows, for other numbers of encoded rows and examples, and for sizes below 1.
  BatchSource(std::span<const Encoded> encoded, std::span<const Example> examples,
              const BatchOptions& options);

  int64_t steps() const { return steps_; }
  std::vector<Batch> step(int64_t number);  // from 0

 private:
  std::span<const Encoded> encoded_;
  std::span<const Example> examples_;
  Sampler sampler_;
  int64_t steps_;
};

// A range of steps, each a vector of its batches. Throws as BatchSource does.
inline auto steps(std::span<const Encoded> encoded, std::span<const Example> examples,
                  const BatchOptions& options = {}) {
  const auto source = std::make_shared<BatchSource>(encoded, examples, options);
  return std::views::iota(int64_t{0}, source->steps()) |
         std::views::transform([source](int64_t number) { return source->step(number); });
}

// A range of batches, one a step. `accumulation` is not read.
inline auto batches(std::span<const Encoded> encoded, std::span<const Example> examples,
                    BatchOptions options = {}) {
  options.accumulation = 1;
  const auto source = std::make_shared<BatchSource>(encoded, examples, options);
  return std::views::iota(int64_t{0}, source->steps()) |
         std::views::transform([source](int64_t number) { return source->step(number).front(); });
}

}  // namespace soragrad::data
