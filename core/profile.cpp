#include "core/profile.h"

#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/gpu_hold.h"

namespace soragrad::profile {

constinit thread_local Recorder* recorder = nullptr;

Recorder::Recorder() : texts_{""}, before_(std::exchange(recorder, this)) {
  origin_ = now();
}
Recorder::~Recorder() {
  recorder = before_;
}

int64_t Recorder::now() const {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count() - origin_;
}

// The number of a text; equal texts share one. Number 0 is the empty text.
uint32_t Recorder::number(std::string_view text) {
  const auto [found, is_new] =
      numbers_.emplace(std::string(text), static_cast<uint32_t>(texts_.size()));
  if (is_new) texts_.emplace_back(text);
  return found->second;
}

// Stores an event and returns its index, or kMaxEvents if there is no more room.
size_t Recorder::keep(const Event& event) {
  if (events_.size() == kMaxEvents) {
    complete_ = false;
    return kMaxEvents;
  }
  events_.push_back(event);
  return events_.size() - 1;
}

// A mark is the GPU's time between two operations of its stream.
void Recorder::mark() {
  if (!timeline_) timeline_ = std::make_unique<cuda::Timeline>();
  timeline_->mark();
  ++marked_;
}

// Counts a span in a row. Once there is a timeline, its duration follows in finish().
void Recorder::add(Row* row, const Event& event, size_t place, const Marks& marks) {
  if (row) {
    ++row->calls;
    row->cost = row->cost + event.cost;
  }
  if (timeline_) {
    untimed_.push_back({row, place, marks});
  } else if (row) {
    row->duration += event.duration;
  }
}

void Recorder::finish() {
  if (!timeline_) return;
  const std::vector<int64_t>& times = timeline_->times();
  const auto time = [&](int64_t mark) { return times.at(static_cast<size_t>(mark)); };
  for (const Untimed& span : untimed_) {
    const auto [begin, end] = span.marks;
    // A span without kernels lies at the end of the kernel before it.
    const int64_t start = begin < end ? time(begin) : begin > 0 ? time(begin - 1) : 0;
    const int64_t duration = begin < end ? time(end - 1) - start : 0;
    if (span.row) span.row->duration += duration;
    if (span.place >= kMaxEvents) continue;
    events_[span.place].start = start;
    events_[span.place].duration = duration;
  }
  untimed_.clear();
}

void Recorder::begin(Kind kind, std::string_view name, Device device) {
  if (kind != Kind::kernel) leave_unclaimed();
  // Only once there is a timeline: the first span finds out that there is a GPU.
  if (timeline_ && kind == Kind::phase && open_.empty()) cuda::hold();
  Open open{{kind, false, number(name), module_, 0, 0, {}}, 0, module_, {marked_, marked_}};
  if (kind == Kind::module) open.event.module = module_ = open.event.name;
  open.on_gpu = device == Device::cuda;
  if (open.on_gpu) mark();
  open.event.start = now();
  open.place = keep(open.event);
  open_.push_back(open);
}

void Recorder::begin_backward(std::string_view op, uint32_t module) {
  leave_unclaimed();
  Open open{{Kind::op, true, number(std::string(op) + " backward"), module, 0, 0, {}},
            0,
            module_,
            {marked_, marked_}};
  module_ = module;
  open.event.start = now();
  open.place = keep(open.event);
  open_.push_back(open);
}

// The event was stored when the span began, so that the trace is in the order of the beginnings;
// its duration is filled in here. A kernel's cost goes to the op around it (backward), or the
// kernel waits for name_op (forward).
void Recorder::end(const Cost& cost) {
  require(!open_.empty(), "[profile] end() without begin().");
  Open open = open_.back();
  Event& event = open.event;
  if (event.kind != Kind::kernel) leave_unclaimed();
  if (open.on_gpu) mark();
  open.marks.end = marked_;
  event.duration = now() - event.start;
  event.cost = event.cost + cost;
  open_.pop_back();
  module_ = open.outer_module;
  if (open.place < kMaxEvents) events_[open.place] = event;
  const bool is_kernel = event.kind == Kind::kernel;
  Row* row = event.kind == Kind::op ? &ops_[text(event.name)]
             : is_kernel            ? &kernels_[text(event.name)]
                                    : nullptr;
  add(row, event, open.place, open.marks);
  if (open_.empty()) add(&all_, event, open.place, open.marks);
  if (!is_kernel) return;
  if (!open_.empty() && open_.back().event.kind == Kind::op) {
    open_.back().event.cost.flops += event.cost.flops;
    open_.back().event.cost.bytes += event.cost.bytes;
  } else {
    unclaimed_.push_back({event, open.marks});
  }
}

// The op's span reaches from its first kernel to now: it includes the host's work in between.
void Recorder::name_op(std::string_view op) {
  if (unclaimed_.empty()) return;
  const Unclaimed& first = unclaimed_.front();
  Event event{Kind::op, false, number(op), module_, first.event.start, 0, {}};
  event.duration = now() - event.start;
  for (const Unclaimed& kernel : unclaimed_) {
    event.cost.flops += kernel.event.cost.flops;
    event.cost.bytes += kernel.event.cost.bytes;
  }
  const Marks marks{first.marks.begin, marked_};
  unclaimed_.clear();
  add(&ops_[std::string(op)], event, keep(event), marks);
}

void Recorder::leave_unclaimed() {
  for (const Unclaimed& kernel : unclaimed_) {
    add(&ops_[text(kernel.event.name)], kernel.event, kMaxEvents, kernel.marks);
  }
  unclaimed_.clear();
}

}  // namespace soragrad::profile

// SPDX-License-Identifier: Apache-2.0
