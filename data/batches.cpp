#include "data/batches.h"

#include "core/error.h"

namespace soragrad::data {
namespace {

SamplerOptions sampler_options(std::span<const Encoded> encoded, const BatchOptions& options) {
  SamplerOptions sampler{.rows = static_cast<int64_t>(encoded.size()),
                         .batch_size = options.size,
                         .accumulation = options.accumulation,
                         .shuffle = options.shuffle,
                         .group_by_length = options.group_by_length,
                         .seed = options.seed,
                         .lengths = {}};
  if (options.group_by_length) {
    for (const Encoded& row : encoded) {
      sampler.lengths.push_back(static_cast<int64_t>(row.ids.size()));
    }
  }
  return sampler;
}

}  // namespace

BatchSource::BatchSource(std::span<const Encoded> encoded, std::span<const Example> examples,
                         const BatchOptions& options)
    : encoded_(encoded), examples_(examples), sampler_(sampler_options(encoded, options)) {
  require(encoded.size() == examples.size(), "[batches] {} encoded rows do not fit {} examples.",
          encoded.size(), examples.size());
  require(options.epochs >= 1 && options.max_steps >= 0,
          "[batches] {} epochs and {} steps; at least 1 and 0 are wanted.", options.epochs,
          options.max_steps);
  steps_ = options.max_steps;
  require(
      steps_ > 0 || !__builtin_mul_overflow(options.epochs, sampler_.steps_per_epoch(), &steps_),
      "[batches] the steps of {} epochs overflow 64 bits.", options.epochs);
}

std::vector<Batch> BatchSource::step(int64_t number) {
  std::vector<Batch> batches;
  for (const std::vector<int64_t>& rows : sampler_.step(number)) {
    batches.push_back(collate(encoded_, examples_, rows));
  }
  return batches;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
