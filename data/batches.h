// The batches of a data set as a range, in the order of `soragrad train`:
//   for (const data::Batch& batch : data::batches(encoded, examples, {.size = 8, .epochs = 3}))
// and with several batches a step (gradient accumulation), step by step:
//   const data::BatchOptions options{.size = 8, .accumulation = 4};
//   for (const std::vector<data::Batch>& step : data::steps(encoded, examples, options))
// Both ranges know their size() and can be entered at any place: a run that continues after N steps
// walks over `data::steps(...).from(N)`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
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

// Elements that are made when they are read: one for each step of a source. Written out because the
// views of libstdc++ 12 do not compile with Clang 14, the compilers of Debian 12.
template <typename Element>
class StepRange {
 public:
  using Make = Element (*)(BatchSource& source, int64_t number);

  class Iterator {
   public:
    using value_type = Element;
    using difference_type = int64_t;
    using reference = Element;
    using pointer = void;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    Iterator(std::shared_ptr<BatchSource> source, Make make, int64_t number)
        : source_(std::move(source)), make_(make), number_(number) {}
    Element operator*() const { return make_(*source_, number_); }
    Iterator& operator++() {
      ++number_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++number_;
      return before;
    }
    bool operator==(const Iterator& other) const { return number_ == other.number_; }

   private:
    std::shared_ptr<BatchSource> source_;
    Make make_ = nullptr;
    int64_t number_ = 0;
  };

  StepRange(std::shared_ptr<BatchSource> source, Make make)
      : source_(std::move(source)), make_(make) {}
  Iterator begin() const { return {source_, make_, first_}; }
  Iterator end() const { return {source_, make_, source_->steps()}; }
  int64_t size() const { return source_->steps() - first_; }
  // The same without the first `steps` elements; all of them if there are fewer.
  StepRange from(int64_t steps) const {
    StepRange rest = *this;
    rest.first_ += std::min(steps, size());
    return rest;
  }

 private:
  std::shared_ptr<BatchSource> source_;
  Make make_;
  int64_t first_ = 0;
};

// A range of steps, each a vector of its batches. Throws as BatchSource does.
inline StepRange<std::vector<Batch>> steps(std::span<const Encoded> encoded,
                                           std::span<const Example> examples,
                                           const BatchOptions& options = {}) {
  return {std::make_shared<BatchSource>(encoded, examples, options),
          [](BatchSource& source, int64_t number) { return source.step(number); }};
}

// Temporaries would be gone when the range is read.
StepRange<std::vector<Batch>> steps(const std::vector<Encoded>&& encoded,
                                    std::span<const Example> examples,
                                    const BatchOptions& options = {}) = delete;
StepRange<std::vector<Batch>> steps(std::span<const Encoded> encoded,
                                    const std::vector<Example>&& examples,
                                    const BatchOptions& options = {}) = delete;

// A range of batches, one a step. `accumulation` is not read.
inline StepRange<Batch> batches(std::span<const Encoded> encoded, std::span<const Example> examples,
                                BatchOptions options = {}) {
  options.accumulation = 1;
  return {std::make_shared<BatchSource>(encoded, examples, options),
          [](BatchSource& source, int64_t number) { return source.step(number).front(); }};
}
StepRange<Batch> batches(const std::vector<Encoded>&& encoded, std::span<const Example> examples,
                         BatchOptions options = {}) = delete;
StepRange<Batch> batches(std::span<const Encoded> encoded, const std::vector<Example>&& examples,
                         BatchOptions options = {}) = delete;

}  // namespace soragrad::data

// SPDX-License-Identifier: Apache-2.0
