// Device work that is the same at every call: run, then recorded as a CUDA graph, from then on
// launched as a whole (core/cuda_runtime.h).
//
// The first call runs the work in the graphs' memory, so that the blocks it needs are there; the
// second records it. Where the capture fails, the work is run at each call, with a line on stderr.
// All ways give the same bits.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/cuda_runtime.h"
#include "core/tensor.h"

namespace soragrad::train {

class RecordedWork {
 public:
  using Results = std::vector<Tensor>;  // each may be undefined, but in every call
  using Work = std::function<Results()>;

  // -> what the work returns, in memory that no later call writes. Duty of the caller: the work
  // launches the same kernels with the same addresses at every call, and reads what differs from
  // memory that the caller writes before.
  Results run(const Work& work);

 private:
  void capture(const Work& work);

  bool is_rehearsed_ = false;
  bool is_refused_ = false;  // its capture has failed
  cuda::Graph graph_;
  Results results_;  // of the last call; the graph writes them
};

// Returns memory of the device to it: of the work before the first graph, since graphs have memory
// of their own; of all graphs, which must be gone.
void release_before_recording();
void release_recorded_memory();

// Whether steps are recorded at all: not where each kernel is timed or waited for.
bool records_steps(Device device, bool cuda_graphs);

// The recorded work of a run's steps: the passes, for each size of batches that Key names, and the
// update. The first step is not recorded: it allocates memory that
// must outlive every graph.
template <typename Key, typename Block>
class RecordedSteps {
 public:
  struct Passes {
    // What a batch of this size sends to the GPU. The caller makes it.
    std::unique_ptr<Block> block;
    RecordedWork work;
  };

  // most: number of sizes whose passes are recorded.
  RecordedSteps(bool records, size_t most) : records_(records), most_(most) {}

  // Those of this size. Null if they are not recorded.
  Passes* passes(const Key& key) {
    if (!records_ || is_first_) return nullptr;
    if (passes_.size() == most_ && !passes_.contains(key)) return nullptr;
    return &passes_[key];
  }
  // Runs the update, which ends the step.
  RecordedWork::Results update(const RecordedWork::Work& work) {
    if (records_ && !is_first_) return update_.run(work);
    RecordedWork::Results results = work();
    if (records_) release_before_recording();
    is_first_ = false;
    return results;
  }

 private:
  // Returns the graphs' memory at the end.
  struct ReleasesGraphMemory {
    ~ReleasesGraphMemory() { release_recorded_memory(); }
  };
  ReleasesGraphMemory releases_;  // first here, so last to go

  bool records_;
  size_t most_;
  bool is_first_ = true;  // step
  std::map<Key, Passes> passes_;
  RecordedWork update_;
};

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
