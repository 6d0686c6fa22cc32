#include "data/sampler.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/integer_math.h"
#include "data/permutation.h"

namespace soragrad::data {
namespace {

// transformers, trainer_pt_utils.get_length_grouped_indices.
constexpr int64_t kMaxStepsPerPiece = 50;
constexpr int64_t kMinPieces = 4;

// Sorts pieces of the order by length, longest first, and swaps the longest row to the very front:
// if memory does not suffice, the first step shows it.
void group(std::vector<int64_t>& order, const std::vector<int64_t>& lengths, int64_t step_rows) {
  const auto rows = static_cast<int64_t>(order.size());
  const int64_t steps = std::clamp<int64_t>(rows / (step_rows * kMinPieces), 1, kMaxStepsPerPiece);
  const int64_t piece_rows = steps * step_rows;
  int64_t longest = 0;
  for (int64_t begin = 0; begin < rows; begin += piece_rows) {
    const auto first = order.begin() + begin;
    const auto last = order.begin() + std::min(begin + piece_rows, rows);
    std::stable_sort(first, last, [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
    if (lengths[order[begin]] > lengths[order[longest]]) longest = begin;
  }
  std::swap(order[0], order[longest]);
}

}  // namespace

Sampler::Sampler(SamplerOptions options) : options_(std::move(options)) {
  require(options_.rows > 0, "[sampler] no rows.");
  require(options_.batch_size > 0 && options_.accumulation > 0,
          "[sampler] batch size {} and accumulation {} must be at least 1.", options_.batch_size,
          options_.accumulation);
  require(
      !options_.group_by_length || static_cast<int64_t>(options_.lengths.size()) == options_.rows,
      "[sampler] {} lengths do not fit {} rows.", options_.lengths.size(), options_.rows);
  // No step holds more than all rows; so products of the two cannot overflow.
  options_.batch_size = std::min(options_.batch_size, options_.rows);
  options_.accumulation = std::min(options_.accumulation, batches_per_epoch());
}

int64_t Sampler::batches_per_epoch() const {
  return ceil_div(options_.rows, options_.batch_size);
}

int64_t Sampler::steps_per_epoch() const {
  return ceil_div(batches_per_epoch(), options_.accumulation);
}

void Sampler::draw_order(int64_t epoch) {
  if (options_.shuffle) {
    order_ = torch_randperm(options_.rows, options_.seed + static_cast<uint64_t>(epoch));
  } else {
    order_.resize(static_cast<size_t>(options_.rows));
    std::iota(order_.begin(), order_.end(), int64_t{0});
  }
  if (options_.group_by_length) {
    group(order_, options_.lengths, options_.batch_size * options_.accumulation);
  }
  epoch_ = epoch;
}

std::vector<std::vector<int64_t>> Sampler::step(int64_t step) {
  require(step >= 0, "[sampler] step {}, expected at least 0.", step);
  if (epoch_of(step) != epoch_) draw_order(epoch_of(step));
  const int64_t first = step % steps_per_epoch() * options_.accumulation;
  const int64_t last = std::min(first + options_.accumulation, batches_per_epoch());
  std::vector<std::vector<int64_t>> batches;
  for (int64_t batch = first; batch < last; ++batch) {
    const int64_t begin = batch * options_.batch_size;
    const int64_t end = std::min(begin + options_.batch_size, options_.rows);
    batches.emplace_back(order_.begin() + begin, order_.begin() + end);
  }
  return batches;
}

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
