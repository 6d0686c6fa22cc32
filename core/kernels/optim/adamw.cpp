#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/optim/adamw.cpp"
#include "core/kernels/simd.h"
// Above: the file is compiled once a SIMD target; simd.h explains.

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernels/optim/adamw.h"
#include "core/parallel.h"

HWY_BEFORE_NAMESPACE();
namespace soragrad::kernels::HWY_NAMESPACE {

// One loop a rule and kind of proximal step, so that none of them branches inside.
template <UpdateRule rule, Proximal proximal>
void update(const AdamWArgs& args, const AdamWSegment& segment, int64_t begin, int64_t end) {
  real* HWY_RESTRICT value = args.value;
  const real* HWY_RESTRICT grad = args.grad;
  real* HWY_RESTRICT m = args.m;
  real* HWY_RESTRICT v = args.v;
  const real grad_scale = args.grad_scale ? *args.grad_scale : real(1);
  const real beta1 = static_cast<real>(segment.beta1), beta2 = static_cast<real>(segment.beta2);
  const real new1 = static_cast<real>(1 - segment.beta1);
  const real new2 = static_cast<real>(1 - segment.beta2);
  const real lr = static_cast<real>(segment.lr);
  const real keep = static_cast<real>(1 - segment.lr * segment.weight_decay);
  const real root2 = static_cast<real>(std::sqrt(segment.correction2));
  const double root_step = rule == UpdateRule::hf ? std::sqrt(segment.correction2) : 1.0;
  const real step = static_cast<real>(segment.lr / segment.correction1 * root_step);
  const real eps = static_cast<real>(segment.eps), threshold = static_cast<real>(segment.threshold);
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const real g = grad_scale * grad[i];
    real p = value[i];
    if constexpr (rule == UpdateRule::sgd) {
      p = p * keep - lr * g;
    } else {
      m[i] = beta1 * m[i] + new1 * g;
      v[i] = beta2 * v[i] + new2 * g * g;
      if constexpr (rule == UpdateRule::torch) {
        p = p * keep - step * m[i] / (std::sqrt(v[i]) / root2 + eps);
      } else {
        p = (p - step * m[i] / (std::sqrt(v[i]) + eps)) * keep;
      }
    }
    if constexpr (proximal == Proximal::exact) p = soft_threshold(p, threshold);
    if constexpr (proximal == Proximal::released) p = released_threshold(p, threshold);
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
