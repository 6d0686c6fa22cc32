// Device work that is the same at every call: run, then recorded as a CUDA graph, from then on
// launched as a whole (core/cuda_runtime.h).
//
// The first call runs the work in the graphs' memory, so that the blocks it needs are there; the
// second records it. Where the capture fails, the work is run at each call, with a line on stderr.
// All ways give the same bits.
#pragma once

#include <functional>
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

// Returns the graphs' memory at the end. Declare it before the graphs.
struct ReleasesGraphMemory {
  ~ReleasesGraphMemory();
};

// Whether steps are recorded at all: not where each kernel is timed or waited for.
bool records_steps(Device device, bool cuda_graphs);

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
