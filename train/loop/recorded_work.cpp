#include "train/loop/recorded_work.h"

#include "core/allocator.h"
#include "core/console.h"
#include "core/error.h"
#include "core/profile.h"

namespace soragrad::train {
namespace {

RecordedWork::Results copy_of(const RecordedWork::Results& results) {
  RecordedWork::Results copy;
  for (const Tensor& result : results) {
    copy.push_back(result.defined() ? result.clone() : Tensor());
  }
  return copy;
}

}  // namespace

RecordedWork::Results RecordedWork::run(const Work& work) {
  if (!is_rehearsed_) {
    Results results;
    {
      const GraphMemory memory;
      results = work();
    }
    results_ = copy_of(results);
    is_rehearsed_ = true;
    return copy_of(results_);
  }
  if (!graph_.is_captured() && !is_refused_) capture(work);
  if (is_refused_) return work();
  graph_.launch();
  return copy_of(results_);
}

void RecordedWork::capture(const Work& work) {
  const GraphMemory memory;
  try {
    graph_.capture([&] {
      const Results results = work();
      for (size_t i = 0; i < results.size(); ++i) {
        if (results[i].defined()) results_[i].copy_from(results[i]);
      }
    });
  } catch (const Error& error) {  // an error of the work itself comes again when it runs
    is_refused_ = true;
    log_line(
        fmt::format("{} These steps are not captured but run kernel by kernel.", error.what()));
  }
}

void release_before_recording() {
  release_cached_memory(Device::cuda);
}

void release_recorded_memory() {
  release_graph_memory();
}

bool records_steps(Device device, bool cuda_graphs) {
  return device == Device::cuda && cuda_graphs && !profile::recorder &&
         !cuda::waits_for_each_launch();
}

}  // namespace soragrad::train

// SPDX-License-Identifier: Apache-2.0
