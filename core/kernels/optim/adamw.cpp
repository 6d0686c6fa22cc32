#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/optim/adamw.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include <algorithm>
#include <vector>

#include "core/kernels/optim/adamw.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// One loop for each rule and proximal operator, so that no loop has a branch inside.
template <UpdateRule rule, Proximal proximal>
void update(const AdamWArgs& args, const AdamWSegment& segment, int64_t begin, int64_t end) {
  real* HWY_RESTRICT value = args.value;
  const real* HWY_RESTRICT grad = args.grad;
  real* HWY_RESTRICT m = args.m;
  real* HWY_RESTRICT v = args.v;
  const real grad_scale = args.grad_scale ? *args.grad_scale : real(1);
  const AdamWConstants c = constants_of(segment);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    real p = adamw_element<rule>(c, value[i], grad_scale * grad[i], m[i], v[i]);
    if constexpr (proximal == Proximal::exact) p = soft_threshold(p, c.threshold);
    if constexpr (proximal == Proximal::released) p = released_threshold(p, c.threshold);
    value[i] = p;
  }
}

template <UpdateRule rule>
void update(const AdamWArgs& args, const AdamWSegment& segment, int64_t begin, int64_t end) {
  const Proximal proximal = segment.threshold > 0 ? segment.proximal : Proximal::none;
  switch (proximal) {
    case Proximal::none:
      return update<rule, Proximal::none>(args, segment, begin, end);
    case Proximal::exact:
      return update<rule, Proximal::exact>(args, segment, begin, end);
    case Proximal::released:
      return update<rule, Proximal::released>(args, segment, begin, end);
  }
}

// Elements [begin, end) of one segment.
void adamw_update(const AdamWArgs& args, const AdamWSegment& segment, int64_t begin, int64_t end) {
  switch (segment.rule) {
    case UpdateRule::torch:
      return update<UpdateRule::torch>(args, segment, begin, end);
    case UpdateRule::hf:
      return update<UpdateRule::hf>(args, segment, begin, end);
    case UpdateRule::sgd:
      return update<UpdateRule::sgd>(args, segment, begin, end);
  }
}

}  // namespace soragrad::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace soragrad::kernels {

HWY_EXPORT(adamw_update);

// Small segments (a bias, a gate) share a task: a new one begins with the segment that would
// overfill the last one, and a large segment is cut.
void adamw_cpu(const AdamWArgs& args) {
  struct Task {
    int64_t first_segment, last_segment, begin, end;
  };
  std::vector<Task> tasks;
  int64_t filled = kUpdateGrain;
  for (int64_t s = 0; s < args.segment_count; ++s) {
    const AdamWSegment& segment = args.segments[s];
    const int64_t size = segment.end - segment.begin;
    if (size > 0 && filled + size <= kUpdateGrain) {
      tasks.back().last_segment = s;
      tasks.back().end = segment.end;
      filled += size;
      continue;
    }
    for (int64_t begin = segment.begin; begin < segment.end; begin += kUpdateGrain) {
      tasks.push_back({s, s, begin, std::min(segment.end, begin + kUpdateGrain)});
      filled = tasks.back().end - begin;
    }
  }
  parallel_for(static_cast<int64_t>(tasks.size()), [&](int64_t number) {
    const Task& task = tasks[static_cast<size_t>(number)];
    for (int64_t s = task.first_segment; s <= task.last_segment; ++s) {
      const AdamWSegment& segment = args.segments[s];
      HWY_DYNAMIC_DISPATCH(adamw_update)
      (args, segment, s == task.first_segment ? task.begin : segment.begin,
       s == task.last_segment ? task.end : segment.end);
    }
  });
}

}  // namespace soragrad::kernels
#endif

// SPDX-License-Identifier: Apache-2.0
