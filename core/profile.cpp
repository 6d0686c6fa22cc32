#include "core/profile.h"

#include <chrono>
#include <utility>

namespace soragrad::profile {

constinit thread_local Recorder* recorder = nullptr;

namespace {

// Adds one span to a row of sums.
void add(Row& row, int64_t duration, const Cost& cost) {
  ++row.calls;
  row.duration += duration;
  row.cost.flops += cost.flops;
  row.cost.bytes += cost.bytes;
}

}  // namespace

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

void Recorder::begin(Kind kind, std::string_view name) {
  if (kind != Kind::kernel) leave_unclaimed();
  Open open{{kind, false, number(name), module_, 0, 0, {}}, 0, module_};
  if (kind == Kind::module) open.event.module = module_ = open.event.name;
  open.event.start = now();
  open.place = keep(open.event);
  open_.push_back(open);
}

void Recorder::begin_backward(std::string_view op, uint32_t module) {
  leave_unclaimed();
  Open open{{Kind::op, true, number(std::string(op) + " backward"), module, 0, 0, {}}, 0, module_};
  module_ = module;
  open.event.start = now();
  open.place = keep(open.event);
  open_.push_back(open);
}

// The event was stored when the span began, so that the trace is in the order of the beginnings;
// its duration is filled in here. A kernel's cost goes to the op around it (backward), or the
// kernel waits for name_op (forward).
void Recorder::end(const Cost& cost) {
  Open open = std::move(open_.back());
  Event& event = open.event;
  if (event.kind != Kind::kernel) leave_unclaimed();
  event.duration = now() - event.start;
  event.cost.flops += cost.flops;
  event.cost.bytes += cost.bytes;
  open_.pop_back();
  module_ = open.outer_module;
  if (open.place < kMaxEvents) events_[open.place] = event;
  if (open_.empty()) total_ += event.duration;
  if (event.kind == Kind::op) add(ops_[text(event.name)], event.duration, event.cost);
  if (event.kind != Kind::kernel) return;
  add(kernels_[text(event.name)], event.duration, event.cost);
  if (!open_.empty() && open_.back().event.kind == Kind::op) {
    open_.back().event.cost.flops += event.cost.flops;
    open_.back().event.cost.bytes += event.cost.bytes;
  } else {
    unclaimed_.push_back({event.name, event.start, event.duration, event.cost, open.place});
  }
}

// The op's span reaches from its first kernel to now: it includes the host's work in between.
void Recorder::name_op(std::string_view op) {
  if (unclaimed_.empty()) return;
  Event event{Kind::op, false, number(op), module_, unclaimed_.front().start, 0, {}};
  event.duration = now() - event.start;
  for (const Unclaimed& kernel : unclaimed_) {
    event.cost.flops += kernel.cost.flops;
    event.cost.bytes += kernel.cost.bytes;
  }
  unclaimed_.clear();
  keep(event);
  add(ops_[std::string(op)], event.duration, event.cost);
}

void Recorder::leave_unclaimed() {
  for (const Unclaimed& kernel : unclaimed_) {
    add(ops_[text(kernel.name)], kernel.duration, kernel.cost);
  }
  unclaimed_.clear();
}

}  // namespace soragrad::profile

// SPDX-License-Identifier: Apache-2.0
