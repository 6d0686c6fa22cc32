// What ran when, for `--profile`: nested spans of time (phase, module, op, kernel), with the
// arithmetic and the memory traffic of the kernels. While nothing is recorded, each span costs the
// check of a null pointer.
//
// An op of the forward pass is not a span in the code: record() (autograd/graph.h) names it after
// its kernels have run. So its span begins with the first kernel that no other op has claimed.
//
// On a GPU times are the GPU's: it reads its clock before and after each kernel, and nothing waits
// for it. A span reaches from the beginning of the first kernel within it to the end of the last;
// one without a kernel takes no time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cuda_runtime.h"
#include "core/device.h"

namespace soragrad::profile {

// The least that a kernel must do: read every input once, write every output once.
struct Cost {
  double flops = 0;  // of matrix products; 0 for kernels that are bound by memory
  double bytes = 0;

  // Of two kernels, or of one that does the work of both.
  Cost operator+(const Cost& other) const { return {flops + other.flops, bytes + other.bytes}; }
};

enum class Kind : uint8_t { phase, module, op, kernel };

// One span of the trace.
struct Event {
  Kind kind = Kind::phase;
  bool backward = false;
  uint32_t name = 0, module = 0;    // text numbers, see Recorder::text()
  int64_t start = 0, duration = 0;  // nanoseconds
  Cost cost;
};

// The sum of all spans of one name.
struct Row {
  int64_t calls = 0, duration = 0;
  Cost cost;
};

// Records the spans of the thread that made it, until it is destroyed. It replaces an outer
// recorder for that time.
class Recorder {
 public:
  Recorder();
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Only the first million events are kept. The sums include the rest.
  static constexpr size_t kMaxEvents = 1'000'000;

  // Begins a span, which ends with the matching end(). Use Span instead of calling these. `device`
  // of a kernel is the one that it runs on.
  void begin(Kind kind, std::string_view name, Device device = Device::cpu);
  // Begins the backward pass of an op that `module` called in the forward pass.
  void begin_backward(std::string_view op, uint32_t module);
  void end(const Cost& cost = {});
  // Assigns the kernels that no op has claimed to this op. Kernels are unclaimed since the last op
  // or the last begin or end of a module.
  void name_op(std::string_view op);
  // The text number of the module whose forward pass is running; 0: none.
  uint32_t module() const { return module_; }

  // Waits for the GPU's times, if kernels ran on one. Call it before what follows is read.
  void finish();

  // Sums by op ("linear", "linear backward"); kernels outside of ops have their own name ("adamw").
  const std::map<std::string, Row>& ops() const { return ops_; }
  const std::map<std::string, Row>& kernels() const { return kernels_; }
  int64_t total() const { return all_.duration; }  // nanoseconds within outermost spans
  const std::vector<Event>& events() const { return events_; }
  bool complete() const { return complete_; }  // true if all events were kept
  const std::string& text(uint32_t number) const { return texts_.at(number); }

 private:
  struct Marks {  // of the timeline: those that a span made are begin, begin + 1, ... end - 1
    int64_t begin = 0, end = 0;
  };
  struct Open {  // a span that has begun
    Event event;
    size_t place;           // its index in events_
    uint32_t outer_module;  // module() before it began
    Marks marks;
    bool on_gpu = false;  // a kernel of the GPU
  };
  struct Unclaimed {  // a kernel that belongs to no op yet
    Event event;
    Marks marks;
  };
  struct Untimed {  // a span of the GPU whose times have not been read
    Row* row;       // that its duration is added to; null: none
    size_t place;   // its index in events_
    Marks marks;
  };

  uint32_t number(std::string_view text);
  int64_t now() const;
  void mark();
  size_t keep(const Event& event);
  void add(Row* row, const Event& event, size_t place, const Marks& marks);
  void leave_unclaimed();  // gives unclaimed kernels rows of their own in ops_

  std::vector<std::string> texts_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<Event> events_;
  std::vector<Open> open_;
  std::vector<Unclaimed> unclaimed_;
  std::map<std::string, Row> ops_, kernels_;
  Row all_;
  std::unique_ptr<cuda::Timeline> timeline_;  // from the first kernel of a GPU on
  int64_t marked_ = 0;
  std::vector<Untimed> untimed_;
  uint32_t module_ = 0;
  int64_t origin_ = 0;
  bool complete_ = true;
  Recorder* before_;
};

// The recorder of this thread; null: nothing is recorded.
extern constinit thread_local Recorder* recorder;

// A span that lasts as long as the object.
class Span {
 public:
  Span(Kind kind, std::string_view name, const Cost& cost = {}, Device device = Device::cpu)
      : recorder_(recorder), cost_(cost) {
    if (recorder_) recorder_->begin(kind, name, device);
  }
  explicit Span(std::string_view phase) : Span(Kind::phase, phase) {}
  // The backward pass of an op that `module` called.
  Span(std::string_view op, uint32_t module) : recorder_(recorder) {
    if (recorder_) recorder_->begin_backward(op, module);
  }
  ~Span() {
    if (recorder_) recorder_->end(cost_);
  }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  Recorder* recorder_;
  Cost cost_;
};

// The host's peaks, measured by loops of some tenths of a second on all threads; 0: not known.
struct Peak {
  double flops = 0;  // fp32 multiply-adds from registers, a second
  double bytes = 0;  // read from memory, a second
};
Peak measure_peak();

}  // namespace soragrad::profile

// SPDX-License-Identifier: Apache-2.0
